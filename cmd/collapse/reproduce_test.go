package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/experiments"
	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/record"
)

// TestRerun: the committed record that takes seconds is what training gives today.
func TestRerun(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(project.EnvRoot, root)
	code, stdout, stderr := call(t, "records", "verify", "--rerun", "fashion-cnn-tiny")
	if code != 0 || !strings.HasPrefix(stdout, "fashion-cnn-tiny: ") {
		t.Errorf("exit code %d, %q: %s", code, stdout, stderr)
	}
	checkRefused(t, "records verify", []refusal{
		{[]string{"--rerun", "fashion-cnn-tini"}, exitUsage, "near it are fashion-cnn-tiny"}})
}

// TestClaimsCommand: every claim as JSON with the contract's keys, and as a table.
func TestClaimsCommand(t *testing.T) {
	var list []map[string]any
	callJSON(t, &list, "claims", "../../records/cifar10-twin-ce-2021.json", "--json")
	if len(list) != 47 {
		t.Fatalf("%d claims", len(list))
	}
	for _, key := range strings.Fields("id section sentence scale verdict effect interval p p_holm seeds " +
		"seeds_needed stands_on missing note") {
		if _, ok := list[0][key]; !ok {
			t.Errorf("no %s", key)
		}
	}
	code, stdout, stderr := call(t, "claims", "../../records/cifar10-twin-ce-2021.json", "--format", "md")
	if code != 0 || !strings.Contains(stdout, "| c4.2-kappa | holds |") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
}

// TestReproduceAnswer: what Theorem 4.2 needs, its files and its claims; and the runs of a figure.
func TestReproduceAnswer(t *testing.T) {
	out := t.TempDir()
	var answer struct {
		ID, Title string
		Files     []string
		Needs     []json.RawMessage
		Claims    []struct{ ID, Verdict string }
	}
	callJSON(t, &answer, "reproduce", "thm4.2", "--out", out, "--json")
	if answer.ID != "thm4.2" || answer.Needs == nil || len(answer.Needs) != 0 || len(answer.Claims) < 2 ||
		answer.Claims[0].Verdict != "holds" {
		t.Errorf("Theorem 4.2: %+v", answer)
	}
	for _, file := range answer.Files {
		if st, err := os.Stat(file); err != nil || st.Size() == 0 || filepath.Dir(file) != out {
			t.Errorf("%s: %v", file, err)
		}
	}
	code, stdout, _ := call(t, "reproduce", "fig8", "--list", "--scale", "reduced")
	if code != 0 || !strings.HasPrefix(stdout, "cifar10-ufm-twin-ce-2021\n") || strings.Count(stdout, "\n") != 18 {
		t.Errorf("the runs of Figure 8, exit code %d:\n%s", code, stdout)
	}
}

// TestTrainPlanned: a planned run is trained in its folder and its record copied to records/; a
// finished one is not trained again.
func TestTrainPlanned(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "go")
	root := t.TempDir()
	spec := record.DefaultSpec()
	spec.Name, spec.Dataset = "planned", arrays(t, t.TempDir(), 10)
	spec.Model, spec.Width, spec.Batch = "cnn", 1, 8
	spec.Epochs, spec.ScheduleEpochs, spec.Milestones = 2, 2, nil
	run := experiments.Run{Name: spec.Name, Spec: spec}
	var first []byte
	for range 2 {
		if err := trainPlanned(t.Context(), io.Discard, root, run); err != nil {
			t.Fatal(err)
		}
		copied, err := os.ReadFile(filepath.Join(root, "records", "planned.json"))
		if err != nil {
			t.Fatal(err)
		}
		trained, err := os.ReadFile(filepath.Join(root, "runs", "planned", "record.json"))
		if err != nil || !bytes.Equal(copied, trained) || first != nil && !bytes.Equal(first, copied) {
			t.Errorf("the record was not copied as it is, or trained again: %v", err)
		}
		first = copied
	}
	if rec, err := record.ReadFile(filepath.Join(root, "records", "planned.json")); err != nil ||
		rec.Status != record.Finished || rec.Final == nil || len(rec.Final.Depth) == 0 {
		t.Errorf("the record is not finished or lacks NC1 through depth: %v", err)
	}
}

// TestBudget: a run that takes longer than the budget is left out, and said to be.
func TestBudget(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(project.EnvRoot, root)
	code, _, stderr := call(t, "reproduce", "cB.4-nc3-flat", "--run", "--budget", "1s")
	if code != 0 || !strings.Contains(stderr, "left out cifar10-twin-ls0.95-2023: about ") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
