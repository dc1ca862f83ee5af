package lesson

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Tags of a source's cells.
const (
	// SolutionTag marks a cell that only the solutions have.
	SolutionTag = "solution"
	// SharedTag marks a cell of the main line that exercises need, such as a variable that they use.
	SharedTag = "shared"
)

// Marks of the lines of an exercise that its reader writes, as nbgrader's settings name them.
const (
	beginSolution = "// BEGIN SOLUTION"
	endSolution   = "// END SOLUTION"
)

var exercise = regexp.MustCompile(`^exercise-(\d+)(-text|-check|-solution|)$`)

// Student returns the lesson that is made from a source: without solutions.
func (b *Book) Student() *Book {
	return b.derive(func(_ int, c *Cell) bool {
		if c.tagged(SolutionTag) {
			return false
		}
		c.Source = withoutSolution(c.Source)
		return true
	})
}

// Solutions returns the solutions that are made from a source: a title, the imports, the shared
// cells, and the exercises with their answers.
func (b *Book) Solutions() *Book {
	first := slices.IndexFunc(b.Cells, func(c Cell) bool { return exercise.MatchString(c.ID) })
	imports := slices.IndexFunc(b.Cells, func(c Cell) bool { return c.Type == "code" })
	out := b.derive(func(i int, c *Cell) bool {
		c.Source = slices.DeleteFunc(slices.Clone(c.Source), isMark)
		exercises := first >= 0 && i >= first && c.ID != "next"
		return i == 0 || i == imports || c.tagged(SharedTag) || exercises
	})
	if len(out.Cells) > 0 && len(out.Cells[0].Source) > 0 {
		title := strings.TrimSpace(out.Cells[0].Source[0])
		number, _, _ := strings.Cut(strings.TrimPrefix(title, "# "), " ")
		out.Cells[0].Source = linesOf(title + ": solutions\n\n" +
			"The exercises of lesson " + number + " with their answers.")
	}
	return out
}

// derive returns the cells that keep accepts, without outputs. keep may change its copy of a cell.
func (b *Book) derive(keep func(int, *Cell) bool) *Book {
	out := &Book{Metadata: maps.Clone(b.Metadata), Format: b.Format, Minor: b.Minor}
	delete(out.Metadata, "collapse")
	for i, c := range b.Cells {
		c.Count, c.Outputs = nil, nil
		if keep(i, &c) {
			out.Cells = append(out.Cells, c)
		}
	}
	return out
}

func isMark(line string) bool {
	line = strings.TrimSpace(line)
	return line == beginSolution || line == endSolution
}

// withoutSolution removes the marked lines together with their marks.
func withoutSolution(source []string) (out []string) {
	inside := false
	for _, line := range source {
		switch mark := isMark(line); {
		case mark:
			inside = strings.TrimSpace(line) == beginSolution
		case !inside:
			out = append(out, line)
		}
	}
	return out
}

// KeepOutputs takes the outputs of old for cells whose code is the same, and old's sum, so that
// writing a text anew does not lose the pictures. Where code has changed, the sum tells that they are
// out of date.
func (b *Book) KeepOutputs(old *Book) {
	for i := range b.Cells {
		c := &b.Cells[i]
		j := slices.IndexFunc(old.Cells, func(o Cell) bool { return o.ID == c.ID && o.Type == c.Type })
		if j >= 0 && slices.Equal(old.Cells[j].Source, c.Source) {
			c.Count, c.Outputs = old.Cells[j].Count, old.Cells[j].Outputs
		}
	}
	if sum, has := old.Metadata["collapse"]; has {
		b.Metadata["collapse"] = sum
	}
}

// grade is nbgrader's part of a cell's metadata, version 3.
type grade struct {
	ID       string `json:"grade_id"`
	Grade    bool   `json:"grade"`
	Solution bool   `json:"solution"`
	Locked   bool   `json:"locked"`
	Points   int    `json:"points"`
	Version  int    `json:"schema_version"`
}

// SourceFaults says what in a source is against its form: each exercise N has the cells exercise-N-text,
// exercise-N (which the reader fills in, with solution lines marked), exercise-N-check (nb.Check) and
// exercise-N-solution (text, tagged solution), the two code cells with nbgrader's metadata.
func (b *Book) SourceFaults() (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	parts := map[string][]string{} // exercise: its parts in order
	seen := map[string]bool{}
	var numbers []string
	for _, c := range b.Cells {
		if c.ID == "" || seen[c.ID] {
			say("cell id %q is empty or used twice", c.ID)
		}
		seen[c.ID] = true
		if len(c.Outputs) > 0 || c.Count != nil {
			say("cell %s has outputs; a source has none", c.ID)
		}
		m := exercise.FindStringSubmatch(c.ID)
		if m == nil {
			continue
		}
		if parts[m[1]] == nil {
			numbers = append(numbers, m[1])
		}
		parts[m[1]] = append(parts[m[1]], m[2])
		for _, fault := range c.exerciseFaults(m[2]) {
			say("cell %s %s", c.ID, fault)
		}
	}
	for _, n := range numbers {
		if want := []string{"-text", "", "-check", "-solution"}; !slices.Equal(parts[n], want) {
			say("exercise %s has the cells %q, want %q, in this order", n, parts[n], want)
		}
	}
	return faults
}

// exerciseFaults says what is wrong with one part of an exercise.
func (c *Cell) exerciseFaults(part string) (faults []string) {
	marks := 0
	balanced := true
	for _, line := range c.Source {
		if isMark(line) {
			balanced = balanced && (marks%2 == 0) == (strings.TrimSpace(line) == beginSolution)
			marks++
		}
	}
	if !balanced || marks%2 == 1 || (marks > 0) != (part == "") {
		faults = append(faults, "must have its solution, and only that, between "+beginSolution+" and "+endSolution)
	}
	if part == "-solution" && !c.tagged(SolutionTag) {
		faults = append(faults, "needs the tag "+SolutionTag)
	}
	var m struct {
		Grade *grade `json:"nbgrader"`
	}
	if err := json.Unmarshal(c.Metadata, &m); err != nil {
		return append(faults, err.Error())
	}
	var want *grade
	switch part {
	case "":
		want = &grade{ID: c.ID, Solution: true, Version: 3}
	case "-check":
		want = &grade{ID: c.ID, Grade: true, Locked: true, Points: 1, Version: 3}
	}
	if (m.Grade == nil) != (want == nil) || want != nil && *m.Grade != *want {
		faults = append(faults, fmt.Sprintf("has nbgrader's metadata %+v, want %+v", m.Grade, want))
	}
	return faults
}
