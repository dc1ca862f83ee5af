package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/data"
)

func TestFetchList(t *testing.T) {
	t.Setenv(data.EnvDir, t.TempDir())
	code, text, stderr := call(t, "fetch", "--list")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{
		"cifar10", "170.1", "tiny-imagenet", "64×64×3", "in the program", "Licence: MIT", "Krizhevsky",
		"https://www.cs.toronto.edu/~kriz/",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the list does not say %q:\n%s", want, text)
		}
	}
	code, text, stderr = call(t, "fetch", "--list", "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var sets []struct {
		Name      string
		Train     int
		Installed bool
		Files     []struct {
			URLs []string
			Size int64
		}
	}
	if err := json.Unmarshal([]byte(text), &sets); err != nil {
		t.Fatal(err)
	}
	if len(sets) != len(data.List()) || sets[0].Name != "cifar10" || sets[0].Train != 50000 || sets[0].Installed ||
		sets[0].Files[0].Size != 170052171 {
		t.Errorf("%+v", sets)
	}
}

// A set of a folder is installed, found, verified, and its damage is found.
func TestFetchFromAndVerify(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	t.Setenv(data.EnvDir, to)
	const record = 3074
	for name, n := range map[string]int{"train.bin": 50000, "test.bin": 10000} {
		b := make([]byte, n*record)
		for i := range n {
			b[i*record+1] = byte(i % 100)
		}
		if err := os.WriteFile(filepath.Join(from, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, _, stderr := call(t, "fetch", "cifar100", "--verify")
	if code != exitInput || !strings.Contains(stderr, "collapse fetch cifar100") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	code, stdout, stderr := call(t, "fetch", "cifar100", "--from", from)
	folder := filepath.Join(to, "cifar-100-binary")
	if code != 0 || stdout != folder+"\n" {
		t.Fatalf("exit code %d, %q: %s", code, stdout, stderr)
	}
	code, stdout, stderr = call(t, "fetch", "cifar100", "--verify", "--json")
	var reports []data.Report
	if err := json.Unmarshal([]byte(stdout), &reports); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s", code, err, stderr)
	}
	if len(reports) != 1 || reports[0].Folder != folder || reports[0].Bytes != "not the official bytes" ||
		len(reports[0].Files) != 2 {
		t.Errorf("%+v", reports)
	}
	f, err := os.OpenFile(filepath.Join(folder, "test.bin"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{7}, 5000); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	code, _, stderr = call(t, "fetch", "cifar100", "--verify")
	if code != exitInput || !strings.Contains(stderr, "changed since it was installed") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestFetchUsage(t *testing.T) {
	for _, args := range [][]string{
		{"fetch"}, {"fetch", "--list", "cifar10"}, {"fetch", "cifar10", "--verify", "--from", "x"},
		{"fetch", "cifar10", "--json"},
	} {
		if code, _, stderr := call(t, args...); code != exitUsage {
			t.Errorf("%v: exit code %d, want %d; %s", args, code, exitUsage, stderr)
		}
	}
	code, stdout, stderr := call(t, "fetch", "fashion-mnist-small", "--verify")
	if code != 0 || !strings.Contains(stdout, "official, 5000 + 1000 images, embedded") {
		t.Errorf("exit code %d, %q: %s", code, stdout, stderr)
	}
}

func TestFiguresData(t *testing.T) {
	out := filepath.Join(t.TempDir(), "f.png")
	code, stdout, stderr := call(t, "images", "fashion-mnist-small", "--per-class", "3", "--out", out)
	if code != 0 || stdout != out+"\n" || !strings.Contains(stderr, "Zalando") {
		t.Fatalf("exit code %d, %q: %s", code, stdout, stderr)
	}
	b, err := os.ReadFile(out)
	if err != nil || !strings.HasPrefix(string(b), "\x89PNG") {
		t.Errorf("%v, %d bytes", err, len(b))
	}
	t.Setenv(data.EnvDir, t.TempDir())
	checkRefused(t, "images", []refusal{
		{[]string{"cifar10", "--out", out}, exitInput, "collapse fetch cifar10"},
		{[]string{"x"}, exitInput, "unknown set"},
		{nil, exitUsage, "arg"},
		{[]string{"cifar10", "--out", "x.bmp"}, exitUsage, ".svg or .png"},
		{[]string{"cifar10", "--per-class", "0"}, exitUsage, "1 to 20"},
	})
}
