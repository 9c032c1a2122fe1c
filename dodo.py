"""MNIST digits, learned in two ways: `doit list` shows what can be built."""

from pathlib import Path

from kept import Pipeline, report, stage, swap
from stages import sklearn_model, tf_model
from stages.config import TrainerConfig
from stages.data import import_mnist, normalize


class Mnist(Pipeline):
    """MNIST digits, imported and scaled."""

    digits = stage(import_mnist, Path("data/mnist.npz"))
    scaled = stage(normalize, digits.X_train, digits.X_test)


class MnistTf(Mnist):
    """A small neural network in TensorFlow."""

    model = stage(tf_model.train, Mnist.scaled.X_train, Mnist.digits.y_train, config=TrainerConfig(epochs=1))
    accuracy = stage(tf_model.evaluate, model, Mnist.scaled.X_test, Mnist.digits.y_test)


class MnistSklearn(MnistTf):
    """Logistic regression in scikit-learn: same pipeline, other functions."""

    model = swap(MnistTf.model, sklearn_model.train, config=TrainerConfig())
    accuracy = swap(MnistTf.accuracy, sklearn_model.evaluate)


class MnistPredictions(Pipeline):
    """What each model takes the test digits for: the report's page shows where they err."""

    tf = stage(tf_model.predict, MnistTf.model, Mnist.scaled.X_test)
    sklearn = stage(sklearn_model.predict, MnistSklearn.model, Mnist.scaled.X_test)


task_report = report(
    MnistTf,
    MnistSklearn,
    predictions={MnistTf: MnistPredictions.tf, MnistSklearn: MnistPredictions.sklearn},
    labels=Mnist.digits.y_test,
    images=Mnist.digits.X_test,
)
