//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// TestMain runs the tests, or, as a child of one, the command.
func TestMain(m *testing.M) {
	if os.Getenv("COLLAPSE_TEST_COMMAND") != "" {
		os.Exit(runSignalled(os.Args[1:], os.Stdout, os.Stderr, func() { fmt.Fprintln(os.Stderr, "ready") }))
	}
	os.Exit(m.Run())
}

// signalled starts a command, sends each signal as soon as standard error has a line with the text
// before it, and returns the exit code and standard error. ignoring has the parent ignore SIGHUP.
func signalled(t *testing.T, ignoring bool, after []string, signals []syscall.Signal, args ...string) (int, string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, args...)
	if ignoring {
		c = exec.Command("sh", append([]string{"-c", `trap "" HUP; exec "$0" "$@"`, exe}, args...)...)
	}
	c.Env = append(os.Environ(), "COLLAPSE_TEST_COMMAND=1", "GOMLX_BACKEND=go", data.EnvDir+"="+t.TempDir())
	pipe, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for s := bufio.NewScanner(pipe); s.Scan(); {
		text.WriteString(s.Text() + "\n")
		for len(signals) > 0 && strings.Contains(s.Text(), after[0]) {
			if err := c.Process.Signal(signals[0]); err != nil {
				t.Fatal(err)
			}
			after, signals = after[1:], signals[1:]
		}
	}
	err = c.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), text.String()
}

// TestSignalsEndCommands: a signal ends commands that would go on for hours, or for ever, with exit
// code 1 and its name.
func TestSignalsEndCommands(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.npz") // never has a writer
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "a.npz")
	w, err := npz.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z, y := make([]float64, 3000*10), make([]int64, 3000)
	for i := range y {
		y[i] = int64(i % 10)
	}
	for i := range z {
		z[i] = float64(i*i%17) / 5
	}
	for _, err := range []error{
		npz.Write(w, "logits", []int{3000, 10}, z), npz.Write(w, "features", []int{3000, 10}, z),
		npz.Write(w, "labels", []int{3000}, y), w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, args := range [][]string{
		{"ufm", "--k", "500", "--solve"},
		{"calibrate", "--logits", file, "--bootstrap", "100000", "--consistency", "100000"},
		{"measure", "--features", file, "--bootstrap", "100000"},
		{"measure", "--features", pipe},
		{"calibrate", "--logits", pipe},
		{"features", "--weights", pipe + ".safetensors", "--out", file, "--spec", pipe},
	} {
		s := []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}[i%3]
		code, stderr := signalled(t, false, []string{"ready"}, []syscall.Signal{s}, args...)
		if want := signalName(s); code != exitInput || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit code %d, want 1 and %s in:\n%s", args, code, want, stderr)
		}
	}
}

// TestSignalsLeaveCheckpoints: signals of terminals and schedulers stop a training with a checkpoint
// that continues it; one that was given with :continue does not stop it, and a hangup that the parent
// ignores, as nohup has it, is none.
func TestSignalsLeaveCheckpoints(t *testing.T) {
	dataset := arrays(t, t.TempDir(), 10)
	const first = "   1/1000000"
	hup, term, usr1, usr2 := syscall.SIGHUP, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2
	for _, c := range []struct {
		name     string
		ignoring bool
		after    []string
		signals  []syscall.Signal
		args     []string
		want     string // on standard error
	}{
		{"hangup", false, []string{first}, []syscall.Signal{hup}, nil, "stopped by SIGHUP"},
		{"termination", false, []string{first}, []syscall.Signal{term}, nil, "stopped by SIGTERM"},
		{"interrupt", false, []string{first}, []syscall.Signal{syscall.SIGINT}, nil, "stopped by SIGINT"},
		{"Slurm's", false, []string{first}, []syscall.Signal{usr1}, []string{"--checkpoint-signal", "USR1"},
			"stopped by SIGUSR1"},
		{"one that goes on", false, []string{first, "note     SIGUSR2"}, []syscall.Signal{usr2, term},
			[]string{"--checkpoint-signal", "USR1,USR2:continue"}, "stopped by SIGTERM"},
		{"nohup", true, []string{first, first}, []syscall.Signal{hup, term}, nil, "stopped by SIGTERM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "run")
			args := append([]string{"train", "--dataset", dataset, "--model", "mlp", "--width", "1", "--batch", "8",
				"--epochs", "1000000", "--measure", "1,1000000", "--rate", "1e-6", "--out", out}, c.args...)
			code, stderr := signalled(t, c.ignoring, c.after, c.signals, args...)
			if code != exitStopped || !strings.Contains(stderr, c.want) {
				t.Fatalf("exit code %d, want 3 and %q in:\n%s", code, c.want, stderr)
			}
			rec, err := record.ReadFile(out)
			if err != nil || rec.Status != record.Stopped || rec.Checkpoint == nil {
				t.Fatalf("record %+v, %v", rec, err)
			}
			if _, err := os.Stat(filepath.Join(out, train.CheckpointFile)); err != nil {
				t.Error(err)
			}
		})
	}
	checkRefused(t, "train", []refusal{{[]string{"--checkpoint-signal", "KILL"}, exitUsage, "USR1 or USR2"}})
}
