package train_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gocollapse/collapse/backend/backendtest"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// TestRequest: a run that is asked for a checkpoint writes one after its current step, and goes on.
func TestRequest(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	request := &train.Request{}
	var asked, written bool
	rec, err := train.Run(t.Context(), sparseSpec(), train.Options{
		Out: out, Set: tinySet(), Backend: backendtest.Go(t), CheckpointEvery: time.Hour, Request: request,
		Progress: func(e train.Event) {
			switch {
			case e.Epoch != 1 || e.Row != nil:
			case e.Step == 1:
				if _, err := os.Stat(filepath.Join(out, train.CheckpointFile)); err == nil {
					t.Error("there is a checkpoint before one is asked for")
				}
				request.Ask()
				asked = true
			case e.Step == 2:
				r, err := record.ReadFile(out)
				written = err == nil && r.Checkpoint != nil && r.Checkpoint.Epoch == 0 && r.Checkpoint.Step == 2
			}
		},
	})
	if err != nil || rec.Status != record.Finished || !asked || !written {
		t.Errorf("asked %t, written after the next step %t; %v", asked, written, err)
	}
}
