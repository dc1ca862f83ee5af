package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRun gives the command the events of a real `go test -json`.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.org/x\n\ngo 1.26\n",
		"a/a_test.go": `package a
import "testing"
func TestPass(t *testing.T) { t.Log("quiet") }
func TestSkip(t *testing.T) { t.Skip("no browser: apt-get install chromium") }
`,
		"b/b_test.go": `package b
import "testing"
func TestFail(t *testing.T) { t.Error("loud") }
func TestSkip(t *testing.T) { t.Run("sub", func(t *testing.T) { t.Skip("no GPU here") }) }
`,
		"c/c_test.go": "package c\nfunc TestBroken( {}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	events := func(pkg string) string {
		cmd := exec.Command("go", "test", "-json", pkg)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
		out, _ := cmd.Output() // an error where a test fails
		return string(out)
	}
	a, b, c := events("./a"), events("./b"), events("./c")
	for _, test := range []struct {
		name, events string
		strict, ok   bool
		want         string
	}{
		{"a skip", a, false, true, "no browser: apt-get install chromium"},
		{"a skip", a, true, false, "COLLAPSE_STRICT=1 and 1 of them"},
		{"a failure", b, false, false, "loud"},
		{"a failure", b, true, false, "TestSkip/sub: no GPU here"},
		{"a failure after a pass", a + b, false, false, "loud"},
		{"does not build", c, false, false, "expected ')'"},
		{"no events", "", false, false, "no package was tested"},
	} {
		var out strings.Builder
		ok := run(strings.NewReader(test.events), &out, test.strict)
		if ok != test.ok || !strings.Contains(out.String(), test.want) {
			t.Errorf("%s, strict %t: ok %t, want %t and %q in:\n%s", test.name, test.strict, ok, test.ok,
				test.want, &out)
		}
		if strings.Contains(out.String(), "quiet") {
			t.Errorf("the output of a passing test is shown:\n%s", &out)
		}
	}
}
