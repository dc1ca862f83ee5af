package claims

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// One claim alone is decided as among all, the correction for the others included.
func TestDecideOneAgreesWithDecide(t *testing.T) {
	files, err := filepath.Glob("../records/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no committed records: %v", err)
	}
	var committed []*record.Record
	for _, f := range files {
		r, err := record.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		committed = append(committed, r)
	}
	all, err := Decide(committed, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range all {
		got, err := DecideOne(want.ID, committed, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if a, b := text(t, got), text(t, want); a != b {
			t.Errorf("%s alone:\n%s\nwant as among all\n%s", want.ID, a, b)
		}
	}
	if _, err := DecideOne("c9.9", nil, Options{}); err == nil {
		t.Error("an unknown claim gave no error")
	}
}

func text(t *testing.T, r Result) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
