package train_test

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// A write that fails, as on a full disk, is an error and leaves the last epoch's
// files as they were.
func TestFailedWrite(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	restore := func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
	}
	defer restore()
	out := t.TempDir()
	path := filepath.Join(out, train.CheckpointFile)
	var kept []byte
	_, err := train.Run(
		context.Background(),
		tinySpec(),
		train.Options{Out: out, Set: tinySet(), Backend: backendtest.Go(t), Progress: func(e train.Event) {
			if e.Row == nil {
				return
			}
			kept, _ = os.ReadFile(path)
			limit := before
			limit.Cur = 1000
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
				t.Fatal(err)
			}
		}},
	)
	restore()
	if err == nil {
		t.Fatal("no error though the checkpoint could not be written")
	}
	now, rerr := os.ReadFile(path)
	if rerr != nil || len(kept) == 0 || !slices.Equal(kept, now) {
		t.Errorf("the checkpoint of epoch 1 did not survive: %d and %d bytes, %v", len(kept), len(now), rerr)
	}
	rec, rerr := record.ReadFile(out)
	if rerr != nil || len(rec.Epochs) != 1 {
		t.Errorf("the record of epoch 1 did not survive: %v", rerr)
	}
	names, rerr := os.ReadDir(out)
	if rerr != nil || len(names) != 3 {
		t.Errorf("the folder holds %v, want lock, record and checkpoint alone", names)
	}
}
