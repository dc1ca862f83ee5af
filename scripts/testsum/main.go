// Testsum reads the events of `go test -json` and prints what a person wants to
// see: a line for each package as it ends, the output of what failed, and at
// the end every test that was skipped, with its reason, and the packages' lines
// again.
//
//	go test -json ./... | testsum [-strict]
//
// It exits with status 1 if something failed or nothing was tested. With
// -strict a skip whose reason names a command that would have kept it from
// being skipped ("apt-get install …", "make setup", "make nbgrader") is a
// failure too.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// mends finds a command that would have kept a test from being skipped.
var mends = regexp.MustCompile(`apt-get install|make (setup|nbgrader)`)

type event struct {
	Action, Package, Test, Output, ImportPath string
}

func main() {
	strict := flag.Bool("strict", false, "a skip that a command would have avoided fails")
	flag.Parse()
	if !run(os.Stdin, os.Stdout, *strict) {
		os.Exit(1)
	}
}

// run reports whether everything passed.
func run(in io.Reader, out io.Writer, strict bool) bool {
	printed := map[string]*strings.Builder{} // by package and test
	var packages, skips, mendable []string
	ok := true
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "build-output":
			fmt.Fprint(out, e.Output)
		case "build-fail":
			ok = false
		case "output":
			if e.Test == "" && isSummary(e.Output) {
				fmt.Fprint(out, e.Output)
				packages = append(packages, e.Output)
				break
			}
			if printed[key] == nil {
				printed[key] = new(strings.Builder)
			}
			printed[key].WriteString(e.Output)
		case "fail":
			ok = false
			if b := printed[key]; b != nil {
				fmt.Fprint(out, b)
			}
		case "skip":
			if e.Test == "" || printed[key] == nil {
				break // a package without tests
			}
			line := fmt.Sprintf("  %s %s: %s", strings.TrimPrefix(e.Package, "github.com/gocollapse/collapse/"), e.Test,
				reason(printed[key].String()))
			skips = append(skips, line)
			if mends.MatchString(line) {
				mendable = append(mendable, line)
			}
		}
		if e.Action == "pass" || e.Action == "skip" || e.Action == "fail" {
			delete(printed, key)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(out, "testsum:", err)
		ok = false
	}
	fmt.Fprintln(out)
	if len(skips) > 0 {
		fmt.Fprintf(out, "SKIPPED, so not tested here (%d):\n%s\n\n", len(skips), strings.Join(skips, "\n"))
	}
	if strict && len(mendable) > 0 {
		fmt.Fprintf(out, "FAIL: COLLAPSE_STRICT=1 and %d of them need only what the reason names\n\n", len(mendable))
		ok = false
	}
	fmt.Fprint(out, strings.Join(packages, ""))
	if len(packages) == 0 {
		fmt.Fprintln(out, "FAIL: no package was tested")
		ok = false
	}
	return ok
}

// isSummary says whether a line is a package's "ok" or "FAIL" line.
func isSummary(line string) bool {
	return strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "FAIL\t")
}

// reason keeps the message of a skipped test's output: the lines that are not
// Go's own, without file and line.
func reason(output string) string {
	var kept []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") || line == "" {
			continue
		}
		if file, message, ok := strings.Cut(line, ": "); ok && strings.Contains(file, ".go:") {
			line = message
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, " ")
}
