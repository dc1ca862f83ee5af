package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The command of README.md runs without a C compiler and prints the metrics of the file.
func TestRun(t *testing.T) {
	run := func(file string) (string, error) {
		c := exec.Command("go", "run", ".", file)
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := c.CombinedOutput()
		return string(out), err
	}
	out, err := run("../ce.npz")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"300 samples of 128 features in 10 classes", "NC1    0.08399", "NC2    0.2667",
		"NC3    0.1646"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if out, err := run("absent.npz"); err == nil || !strings.Contains(out, "absent.npz") {
		t.Errorf("a file that is not there: %v\n%s", err, out)
	}
}
