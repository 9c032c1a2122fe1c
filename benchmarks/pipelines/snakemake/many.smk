import os

rule all:
    input: [f"out/{name}" for name in os.listdir("in")]

rule copied:
    input: "in/{name}.txt"
    output: "out/{name}.txt"
    shell: "cp {input} {output}"
