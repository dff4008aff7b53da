"""Running a program for a figure: with the processor time it took, or with its JSON kept for the next time."""
import json
import os
import resource
import subprocess


def timed(*command):
    """Standard output, and processor seconds of the process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return text, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def kept(path, *command):
    """The JSON that the command prints, from the file where an earlier run of this bench kept it."""
    if not os.path.exists(path):
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        with open(path + ".new", "w") as file:
            file.write(done.stdout)
        os.replace(path + ".new", path)
    return json.load(open(path))
