package files

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/nc"
)

// TestStates: two parts measured on their own and merged by way of state files give
// what the whole gives.
func TestStates(t *testing.T) {
	a := random(26, 500, 9, 4)
	a.testX, a.testY = nil, nil
	want := files(t, Options{}, a.write(t, "whole.npz"))
	first, second := a, a
	first.x, first.y = a.x[:9*180], a.y[:180]
	second.x, second.y, second.weight, second.bias = a.x[9*180:], a.y[180:], nil, nil
	paths := []string{first.write(t, "1.npz"), second.write(t, "2.npz")}
	dir := t.TempDir()
	ctx := context.Background()
	var states, seconds []string
	keep := func(name string, s *nc.Scatter) string {
		t.Helper()
		if err := WriteState(filepath.Join(dir, name), s); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	for i, p := range paths {
		sum := files(t, Options{}, p)
		states = append(states, keep(fmt.Sprint(i, ".state"), sum.Scatter))
	}
	read := func(paths []string) []*nc.Scatter {
		t.Helper()
		accs, err := ReadStates(paths)
		if err != nil {
			t.Fatal(err)
		}
		return accs
	}
	if _, err := Merge(read(states)); err == nil || !strings.Contains(err.Error(), "--features PART.npz --merge") {
		t.Errorf("merging around different means: %v", err)
	}
	for i, p := range paths {
		acc, err := Around(ctx, []string{p}, read(states), Options{})
		if err != nil {
			t.Fatal(err)
		}
		seconds = append(seconds, keep(fmt.Sprint(i, ".second"), acc))
	}
	if _, err := Merge(read(seconds[:1])); err == nil || !strings.Contains(err.Error(), "180 of the 500") {
		t.Errorf("one part of two: %v", err)
	}
	acc, err := Merge(read(seconds))
	if err != nil {
		t.Fatal(err)
	}
	got, err := acc.Summary()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range nc.Metrics() {
		name := m.Key
		g, _ := got.Value(name)
		w, _ := want.Value(name)
		if !(math.Abs(g-w) <= 1e-10*math.Abs(w)+1e-15) && !(math.IsNaN(g) && math.IsNaN(w)) {
			t.Errorf("%s = %v merged, %v whole", name, g, w)
		}
	}
	if _, err := Around(ctx, []string{a.write(t, "whole.npz")}, read(states[:1]), Options{}); err == nil {
		t.Error("no error where the states hold fewer samples than the files")
	}
	if err := os.WriteFile(states[0], []byte("collapse"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadStates(states); err == nil || !strings.Contains(err.Error(), states[0]) {
		t.Errorf("a damaged state: %v", err)
	}
}
