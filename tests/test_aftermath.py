"""What a stage does to its process ends with the stage: the next one, and the run, find everything as before."""

import importlib.util
import json
import os
import stat

import pytest

HEAD = "from kept import Pipeline, stage\n\nimport work\n\n\nclass P(Pipeline):\n"
BOTH = pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["one", "workers"])


@pytest.fixture
def after(project):
    """Give a project whose first stage does something, and whose second stage says what it finds."""

    def declared(does: str, finds: str, more: str = ""):
        imports = "import os\nimport signal\nimport sys\nimport tempfile\nimport threading\nimport time\n\n\n"
        body = "".join(f"    {line}\n" for line in does.splitlines())
        project.write(
            "work.py", f"{imports}def first():\n{body}    return 1\n\n\ndef second(first):\n    return {finds}\n"
        )
        project.write(
            "dodo.py", HEAD + f"    first = stage(work.first)\n    second = stage(work.second, first{more})\n"
        )
        return project

    return declared


def built(project, args) -> object:
    """Run; say what the second stage found, after a second run found nothing to do."""
    run = project.doit(*args)
    assert (run.code, set(run.outcomes.values())) == (0, {"built"}), run
    again = project.doit(*args)
    assert set(again.outcomes.values()) == {"up to date"}, again
    return json.loads(project.read("artifacts/p/second.json"))


@BOTH
def test_a_declared_variable(after, args):
    """A key names the value that the run was given: with that one the stage must run."""
    does = "os.environ['ROOM'] = 'mine'\nos.environ.pop('SIZE')"
    finds = "[os.environ.get('ROOM'), os.environ.get('SIZE')]"
    project = after(does, finds, ", env=['ROOM', 'SIZE']")
    project.environment["SIZE"] = "3"
    assert built(project, args) == [None, "3"]


@BOTH
@pytest.mark.parametrize("mask", [0o777, 0o000])
def test_permissions_of_new_files(after, args, mask):
    """The store stays readable for its owner, and closed to others."""
    project = after(f"os.umask({mask})", "1")
    built(project, args)
    kept = project.path("artifacts")
    modes = {stat.S_IMODE(os.stat(folder).st_mode) for folder, _, _ in os.walk(kept)}
    assert all(mode & 0o700 == 0o700 and not mode & 0o002 for mode in modes), [oct(mode) for mode in modes]


@BOTH
def test_handlers_of_signals_and_timers(after, args):
    """A run that a stage has made deaf could not be interrupted; its timer must not go off in another stage."""
    does = (
        "for number in (signal.SIGINT, signal.SIGTERM):\n    signal.signal(number, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGALRM, lambda *_: sys.exit('late'))\nsignal.alarm(60)"
    )
    finds = "[signal.getsignal(n) is signal.SIG_IGN for n in (signal.SIGINT, signal.SIGTERM)] + [signal.alarm(0)]"
    assert built(after(does, finds), args) == [False, False, 0]


@BOTH
def test_the_current_folder_is_gone(after, args):
    """A stage removes the temporary folder in which it worked."""
    project = after("folder = tempfile.mkdtemp()\nos.chdir(folder)\nos.rmdir(folder)", "os.getcwd()")
    assert built(project, args) == str(project.root)


SETTINGS = {
    "precision": ("decimal.getcontext().prec = 5", "decimal.getcontext().prec", 28),
    "warnings of numpy": ("np.seterr(all='raise')", "np.geterr()['divide']", "warn"),
    "how numpy prints": ("np.set_printoptions(precision=2)", "str(np.array([1.23456]))", "[1.23456]"),
    "warnings": ("warnings.simplefilter('error')", "warnings.warn('careful')", None),
    "limit": ("sys.setrecursionlimit(12345)", "sys.getrecursionlimit() == 12345", False),
    "path": ("sys.path.insert(0, '/nowhere')", "sys.path.count('/nowhere')", 0),
    "language": ("locale.setlocale(locale.LC_ALL, 'C')", "locale.setlocale(locale.LC_ALL) == 'C'", False),
    "variable set": ("os.environ['ROOM'] = 'mine'", "os.environ.get('ROOM')", None),
    "variable changed": ("os.environ['LC_ALL'] = 'C'", "os.environ['LC_ALL']", "C.UTF-8"),
    "variable gone": ("del os.environ['LC_ALL']", "os.environ.get('LC_ALL')", "C.UTF-8"),
}


@BOTH
@pytest.mark.parametrize(("does", "finds", "expected"), SETTINGS.values(), ids=SETTINGS)
def test_settings_of_the_interpreter(after, args, does, finds, expected):
    """A stage makes the same whichever ran before it in its process."""
    imports = "import decimal\nimport locale\nimport warnings\nimport numpy as np\n\ndecimal.getcontext()\n"
    project = after(does, finds)
    project.write("work.py", imports + project.read("work.py"))
    project.environment["LC_ALL"] = "C.UTF-8"
    assert built(project, args) == expected


@BOTH
def test_settings_that_a_module_makes(after, args):
    """Who imports it later finds it loaded, and needs what it has set."""
    project = after("import exact", "__import__('exact').decimal.getcontext().prec")
    project.write("exact.py", "import decimal\n\ndecimal.getcontext().prec = 50\n")
    assert built(project, args) == 50


OPTIONS = {
    "style": (
        "import matplotlib.pyplot as plt\nplt.style.use('ggplot')",
        "__import__('matplotlib').rcParams['axes.grid']",
        False,
    ),
    "figures": (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])",
        "len(__import__('matplotlib.pyplot').pyplot.gca().lines)",
        0,
    ),
    "frames": (
        "import pandas as pd\npd.set_option('display.precision', 2)",
        "__import__('pandas').get_option('display.precision')",
        6,
    ),
    "estimators": (
        "import sklearn\nsklearn.set_config(transform_output='pandas')",
        "__import__('sklearn').get_config()['transform_output']",
        "default",
    ),
    "networks": (
        "import tensorflow as tf\nimport keras\ntf.config.run_functions_eagerly(True)\n"
        "keras.config.set_floatx('float16')\nkeras.config.set_dtype_policy('mixed_float16')",
        "[__import__('tensorflow').config.functions_run_eagerly(), (config := __import__('keras').config).floatx(), "
        "config.dtype_policy().name]",
        [False, "float32", "float32"],
    ),
    "processes": (
        "import multiprocessing\nmultiprocessing.set_start_method('spawn')",
        "__import__('multiprocessing').set_start_method('fork')",  # who sets it a second time gets an error
        None,
    ),
}


@pytest.mark.parametrize("imported", ["before", "by the stage"])
@pytest.mark.parametrize(("does", "finds", "expected"), OPTIONS.values(), ids=OPTIONS)
def test_options_of_libraries(after, imported, does, finds, expected):
    """A stage makes the same whichever ran before it, though libraries keep their options for a process."""
    library = does.split()[1].partition(".")[0]
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    project = after(does, finds)
    project.environment["MPLBACKEND"] = "agg"
    if imported == "before":
        project.write("work.py", f"import {library}\n" + project.read("work.py"))
    assert built(project, ()) == expected


def test_options_that_a_module_sets(after):
    """Who imports it later finds it loaded, and needs what it has set."""
    pytest.importorskip("pandas")
    project = after("import house", "__import__('house').pd.get_option('display.precision')")
    project.write("house.py", "import pandas as pd\n\npd.set_option('display.precision', 3)\n")
    assert built(project, ()) == 3


def test_options_with_which_a_project_begins(after):
    """What its modules set before a stage runs is no stage's, and is found by each."""
    pytest.importorskip("pandas")
    project = after("pd.set_option('display.precision', 2)", "pd.get_option('display.precision')")
    head = "import pandas as pd\n\npd.set_option('display.precision', 3)\n"
    project.write("work.py", head + project.read("work.py"))
    assert built(project, ()) == 3


@BOTH
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_the_next_stage(after, args, method, tmp_path_factory):
    """What multiprocessing keeps for as long as a process lasts outlives the stage in which it was made."""
    project = after(
        f"import multiprocessing\nwith multiprocessing.get_context('{method}').Manager() as made:\n    made.list([1])",
        "len(__import__('multiprocessing').get_context('forkserver').Manager().list([1, 2]))",
    )
    deep = project.copy(project.root / ("deep" * 20) / ("er" * 40))  # longer than the path of a socket may be
    deep.environment["TMPDIR"] = str(tmp_path_factory.mktemp("t"))
    run = deep.spawn(*args).wait()
    assert (run.code, set(run.outcomes.values())) == (0, {"built"}), run
    assert os.listdir(deep.environment["TMPDIR"]) == []


@BOTH
@pytest.mark.parametrize("leaves", ["return 2", "raise ValueError", "sys.exit(0)", "os._exit(0)"])
def test_a_fork_does_not_come_back(after, args, leaves):
    """There is one run, whatever a fork of a stage does; it ends before its stage does here."""
    does = f"child = os.fork()\nif not child:\n    {leaves}\nos.waitpid(child, 0)"
    project = after(does, "first")
    assert built(project, args) == 1
    assert len(project.read("artifacts/.kept/runs.jsonl").splitlines()) == 2


@BOTH
@pytest.mark.parametrize("raised", ["GeneratorExit", "BaseException('enough')", "__import__('asyncio').CancelledError"])
def test_whatever_is_raised_is_a_failure_of_the_stage(after, args, raised):
    """Not every library derives its exceptions from Exception: the others go on."""
    project = after(f"raise {raised}", "first")
    project.write("dodo.py", project.read("dodo.py") + "    third = stage(work.second, 1)\n")
    run = project.doit(*args, "--continue")
    assert run.outcomes == {"p:first": "failed", "p:third": "built"}, run
