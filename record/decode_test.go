package record

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestReadAll: files, run folders, and folders of both.
func TestReadAll(t *testing.T) {
	dir := t.TempDir()
	run := &Record{Format: Format, Version: Version, Spec: DefaultSpec(), Status: Running, Epochs: []Epoch{{Epoch: 1}}}
	for _, file := range []string{"seeds/seed-1/record.json", "seeds/seed-2/record.json", "kept[1]/a.json",
		"kept[1]/deep/record.json"} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := run.WriteFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "seeds/seed-3"), 0o777); err != nil { // not begun
		t.Fatal(err)
	}
	for path, n := range map[string]int{"seeds": 2, "seeds/seed-1": 1, "kept[1]": 2, "kept[1]/a.json": 1,
		"seeds/seed-3": 0, "absent": 0} {
		runs, err := ReadAll(filepath.Join(dir, path))
		if len(runs) != n || (n == 0) != (err != nil) {
			t.Errorf("%s: %d records, want %d; %v", path, len(runs), n, err)
		}
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("error does not name %s: %v", path, err)
		}
	}
}

func TestDecodeSpec(t *testing.T) {
	decode := func(file string, changed []string, set func(*Spec)) Spec {
		t.Helper()
		s, err := DecodeSpec(strings.NewReader(file), func(f string) bool { return slices.Contains(changed, f) },
			func(s *Spec) error { set(s); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(); err != nil {
			t.Error(err)
		}
		return s
	}
	// Another loss takes the file's δ away; the same loss keeps it.
	full := `{"loss":"ls","delta":0.1,"milestones":[5],"epochs":10,"schedule_epochs":10}`
	if s := decode(full, []string{"loss"}, func(s *Spec) { s.Loss.Name = "ce" }); s.Delta != 0 {
		t.Errorf("δ = %v under ce", s.Delta)
	}
	if s := decode(full, []string{"loss"}, func(s *Spec) { s.Loss.Name = "ls" }); s.Delta != 0.1 {
		t.Errorf("δ = %v, want the file's", s.Delta)
	}
	if s := decode(`{"loss":"ce","delta":0}`, []string{"loss"}, func(s *Spec) { s.Loss.Name = "ls" }); s.Delta != 0.05 {
		t.Errorf("δ = %v, want the paper's", s.Delta)
	}
	if s := decode(full, []string{"schedule"}, func(s *Spec) { s.Schedule = "cosine" }); len(s.Milestones) != 0 ||
		s.ScheduleEpochs != 10 {
		t.Errorf("cosine in place of the file's multistep: %+v", s)
	}
	if s := decode(`{"schedule":"cosine","epochs":20}`, []string{"epochs"},
		func(s *Spec) { s.Epochs = 5 }); s.ScheduleEpochs != 5 {
		t.Errorf("a cosine of %d epochs, want 5", s.ScheduleEpochs)
	}
}
