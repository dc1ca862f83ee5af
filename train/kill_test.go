//go:build linux

package train_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
	"github.com/gocollapse/collapse/train/safetensors"
)

// TestMain runs the tests, or, as a child of TestKill, a training.
func TestMain(m *testing.M) {
	if out := os.Getenv("COLLAPSE_TEST_TRAIN"); out != "" {
		child(out)
	}
	os.Exit(m.Run())
}

// child trains in a folder, or goes on there. It writes a line at each step, measured
// epoch and moment between writes, and kills itself after as many of them as
// COLLAPSE_TEST_KILL says, or in the write that goes over COLLAPSE_TEST_BYTES.
func child(out string) {
	kill := func() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	at, _ := strconv.Atoi(os.Getenv("COLLAPSE_TEST_KILL"))
	lines := 0
	line := func(text string) {
		fmt.Println(text)
		if lines++; lines == at {
			kill()
		}
	}
	if bytes, err := strconv.ParseUint(os.Getenv("COLLAPSE_TEST_BYTES"), 10, 64); err == nil {
		over := make(chan os.Signal, 1)
		signal.Notify(over, syscall.SIGXFSZ)
		go func() { <-over; kill() }()
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: bytes}); err != nil {
			fail(err)
		}
	}
	every, _ := strconv.Atoi(os.Getenv("COLLAPSE_TEST_EVERY"))
	b, _, err := backend.Open(backend.Options{Name: backend.Go})
	if err != nil {
		fail(err)
	}
	train.SetMoment(line)
	_, none := train.SpecOf(out)
	_, err = train.Run(context.Background(), sparseSpec(), train.Options{
		Out: out, Set: tinySet(), Backend: b, Resume: none == nil, Log: os.Stdout,
		CheckpointEvery: time.Duration(every), KeepEpochs: []int{2},
		Progress: func(e train.Event) { line(fmt.Sprintf("epoch %d step %d row %t", e.Epoch, e.Step, e.Row != nil)) },
	})
	if err != nil {
		fail(err)
	}
	os.Exit(0)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// session runs a child and says how it ended. after > 0 has the parent kill it when it
// has read so many lines.
func session(t *testing.T, out string, after int, env ...string) (killed bool, output string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Env = append(append(os.Environ(), "COLLAPSE_TEST_TRAIN="+out), env...)
	var stderr strings.Builder
	c.Stderr = &stderr
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for s, n := bufio.NewScanner(pipe), 0; s.Scan(); {
		text.WriteString(s.Text() + "\n")
		if n++; n == after {
			_ = c.Process.Kill()
		}
	}
	err = c.Wait()
	if err == nil {
		return false, text.String()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return true, text.String()
	}
	// The write that went over its bytes may fail before the signal arrives.
	if strings.Contains(stderr.String(), "file too large") {
		return true, text.String()
	}
	t.Fatalf("the training ended with %v\n%s%s", err, text.String(), stderr.String())
	return
}

// asWritten returns a run's record as JSON without times, whose hash of the checkpoint
// is one of them, and the arrays of its checkpoint.
func asWritten(t *testing.T, out string) (rec string, arrays map[string]safetensors.Array) {
	t.Helper()
	r, err := record.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if r.Checkpoint == nil {
		t.Fatal("the record names no checkpoint")
	}
	r.Started, r.Seconds, r.Epochs, r.Checkpoint.SHA256 = time.Time{}, 0, withoutTimes(r.Epochs), ""
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.ReadFile(filepath.Join(out, train.CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(b), f.Arrays
}

// TestKill kills trainings with SIGKILL at random moments, as often as it takes, and
// resumes them until they are finished: record, checkpoint and kept checkpoint are those
// of a run that was never killed.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("trains in many processes")
	}
	straight := filepath.Join(t.TempDir(), "straight")
	_, output := session(t, straight, 0)
	moments := strings.Count(output, "\n")
	want, arrays := asWritten(t, straight)
	kept, err := safetensors.ReadFile(filepath.Join(straight, train.KeptFile(2)))
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(filepath.Join(straight, train.CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(2021, 11))
	kills := map[string]int{}
	for round := range 8 {
		out := filepath.Join(t.TempDir(), "run")
		var log strings.Builder
		for n := 0; ; n++ {
			every := fmt.Sprintf("COLLAPSE_TEST_EVERY=%d", rng.IntN(2)) // after each step, or seldom
			way, after, env := "moment", 0, ""
			switch rng.IntN(5) {
			case 0, 1:
				env = fmt.Sprintf("COLLAPSE_TEST_KILL=%d", 1+rng.IntN(moments/2))
			case 2, 3:
				way, after = "line", 1+rng.IntN(moments/2)
			case 4:
				way, env = "bytes", fmt.Sprintf("COLLAPSE_TEST_BYTES=%d", rng.Int64N(st.Size()))
			}
			if n >= 6 { // enough
				way, after, env = "none", 0, ""
			}
			killed, output := session(t, out, after, every, env)
			fmt.Fprintf(&log, "%s %d %s\n%s", way, after, env, output)
			if !killed {
				break
			}
			kills[way]++
		}
		got, now := asWritten(t, out)
		if got != want {
			t.Errorf("round %d: the record differs from a straight run's:\n%s\n%s\nsessions:\n%s", round, got, want,
				log.String())
		}
		if !reflect.DeepEqual(now, arrays) {
			t.Errorf("round %d: the checkpoint differs from a straight run's; sessions:\n%s", round, log.String())
		}
		if f, err := safetensors.ReadFile(filepath.Join(out, train.KeptFile(2))); err != nil ||
			!reflect.DeepEqual(f.Arrays, kept.Arrays) {
			t.Errorf("round %d: the kept checkpoint of epoch 2 differs from a straight run's: %v", round, err)
		}
		entries, err := os.ReadDir(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			switch e.Name() {
			case ".lock",
				train.RecordFile,
				train.CheckpointFile,
				train.PreviousFile,
				train.LogitsFile,
				train.KeptFile(2):
			default:
				t.Errorf("round %d: %s is left in the folder", round, e.Name())
			}
		}
	}
	t.Logf("killed %v, of %d moments a run", kills, moments)
	if kills["moment"] < 5 || kills["line"] < 5 || kills["bytes"] < 3 {
		t.Errorf("too few kills to say anything: %v", kills)
	}
}

// On a full disk a run ends with an error that says so, and goes on from its last
// checkpoint once there is room.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=100k"); err != nil {
		t.Skipf("a small disk needs the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	out, straight := filepath.Join(dir, "run"), filepath.Join(t.TempDir(), "straight")
	b := backendtest.Go(t)
	options := train.Options{Out: out, Set: tinySet(), Backend: b, CheckpointEvery: 1}
	ctx := context.Background()
	_, err := train.Run(ctx, sparseSpec(), options)
	if err == nil || !strings.Contains(err.Error(), "has 102400 bytes free") {
		t.Fatalf("before the start: %v, want what is free", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a folder was made")
	}
	// Fill it in the middle of the run.
	options.Force = true
	remount := func(size string) {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size="+size); err != nil {
			t.Fatal(err)
		}
	}
	remount("10m")
	fill := func(e train.Event) {
		if e.Epoch == 3 && e.Step == 1 {
			f, err := os.Create(filepath.Join(dir, "fill"))
			if err == nil {
				_, err = io.Copy(f, zeros{})
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("the disk could not be filled: %v", err)
			}
			f.Close()
		}
	}
	options.Progress = fill
	if _, err := train.Run(ctx, sparseSpec(), options); !errors.Is(err, syscall.ENOSPC) ||
		!strings.Contains(err.Error(), "checkpoint after epoch 2, step 2") {
		t.Fatalf("on a full disk: %v, want no space for the checkpoint after epoch 2, step 2", err)
	}
	if err := os.Remove(filepath.Join(dir, "fill")); err != nil {
		t.Fatal(err)
	}
	options.Progress, options.Resume = nil, true
	if _, err := train.Run(ctx, sparseSpec(), options); err != nil {
		t.Fatal(err)
	}
	if _, err := train.Run(ctx, sparseSpec(), train.Options{Out: straight, Set: tinySet(), Backend: b}); err != nil {
		t.Fatal(err)
	}
	got, gotArrays := asWritten(t, out)
	want, wantArrays := asWritten(t, straight)
	if got != want || !reflect.DeepEqual(gotArrays, wantArrays) {
		t.Errorf("the record differs from a straight run's:\n%s\n%s", got, want)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
