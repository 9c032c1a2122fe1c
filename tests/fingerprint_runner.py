"""Fingerprints one side of every case in this process: ``runner.py before|after folder [--live]``; prints JSON lines.

Started by the tests, once per side, with another hash seed for each. Each live case runs in a fork of its own, since it
imports the small project; the static ones import nothing and share the process.
"""

import json
import os
import shutil
import sys
import traceback

# Started as a script, beside the package and not in it.
sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__))), os.path.dirname(os.path.abspath(__file__))]

import fingerprint_cases  # noqa: E402 - after the path
import fingerprint_edits  # noqa: E402
import fingerprint_more  # noqa: E402
import fingerprint_quiet  # noqa: E402

from kept.fingerprint import fingerprint  # noqa: E402

CASES = [*fingerprint_cases.C, *fingerprint_more.C, *fingerprint_edits.C, *fingerprint_quiet.C]


def write(folder, files):
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)


def prepare(case, side, folder):
    """Make the project of a case as it is on one side; return its root."""
    after = side == "after"
    root = os.path.join(folder, "moved" if after and case.get("move") else "project")
    files = dict(case[side])
    if after and case.get("crlf"):
        files = {name: text.replace("\n", "\r\n") for name, text in files.items()}
    if "dist" in case:
        name, *versions = case["dist"]
        info = f"site-packages/{name}-{versions[after]}.dist-info"
        files[f"site-packages/{name}.py"] = "def f(x): return x\n"
        files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {versions[after]}\n"
        files[f"{info}/RECORD"] = f"{name}.py,,\n{info.split('/')[1]}/METADATA,,\n"
    if "cext" in case:
        files["cext.so"] = f"not really compiled: {case['cext'][after]}"
    write(root, files)
    if after and case.get("touch"):
        os.utime(os.path.join(root, "stages.py"), (1, 1))
    os.environ.update(case.get("env_after", {}) if after else {})
    sys.path[:0] = [root, os.path.join(root, "site-packages")]
    return root


def shown(made):
    return {"digest": made.digest, "libraries": dict(made.libraries)}


def static(case, side, folder):
    before, path = dict(os.environ), list(sys.path)
    try:
        root = prepare(case, side, folder)
        return shown(fingerprint("stages:train", root=root))
    finally:
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(before)


def live(case, side, folder):
    """Import the project and fingerprint the function itself; None where the import fails, as for a fake extension."""
    root = prepare(case, side, folder)
    os.chdir(root)
    for name in case.get("pre_import", ()) if side == "after" else ():
        __import__(name)
    if case.get("trace") and side == "after":
        sys.settrace(lambda *_: None)
    try:
        import stages
    except ImportError:
        return None
    if case.get("run") and side == "after":
        try:
            stages.train()
        except TypeError:
            stages.train([1, 2])
    return shown(fingerprint(stages.train, root=root))


def forked(case, side, folder):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as out:
                json.dump(attempt(live, case, side, folder), out)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as back:
        answer = json.load(back)
    os.waitpid(child, 0)
    return answer


def attempt(work, *arguments):
    try:
        return work(*arguments)
    except Exception:  # noqa: BLE001 - the test shows what went wrong
        return {"error": traceback.format_exc()}


def main(side, top, mode="--static"):
    for number, case in enumerate(fingerprint_cases.C if mode == "--live" else CASES):
        folder = os.path.join(top, f"{number}")
        work = forked if mode == "--live" else attempt
        answer = work(case, side, folder) if mode == "--live" else attempt(static, case, side, folder)
        print(json.dumps(answer), flush=True)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
