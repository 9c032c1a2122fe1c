"""The classes of models."""

from recipes.distances import DISTANCES, WEIGHTS


class Model:
    def score(self, X, y):
        return (self.predict(X) == y).mean()


class Centroids(Model):
    def __init__(self, centres, distance):
        self.centres, self.distance = centres, distance

    def predict(self, X):
        far = DISTANCES[self.distance](X[:, None, :], self.centres[None, :, :])
        return WEIGHTS[self.distance](far).argmin(axis=1)


class Constant(Model):
    def __init__(self, label):
        self.label = label

    def predict(self, X):
        return X[:, 0].astype(int) * 0 + self.label
