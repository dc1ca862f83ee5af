// Package edit finds the name that a mistyped one probably means.
package edit

import (
	"math"
	"slices"
)

// Nearest returns the name that is the fewest edits away from s, the first of equal ones, or "" if
// there are no names. An edit inserts, deletes or replaces a byte (Levenshtein). If s abbreviates a
// name, that counts as one edit.
func Nearest(s string, names []string) string {
	best, fewest := "", math.MaxInt
	for _, name := range names {
		row := make([]int, len(name)+1) // edits from s's first i bytes to name's first j
		for j := range row {
			row[j] = j
		}
		for i := range len(s) {
			diagonal := row[0]
			row[0] = i + 1
			for j := range len(name) {
				edits := diagonal
				if s[i] != name[j] {
					edits = 1 + min(diagonal, row[j], row[j+1])
				}
				diagonal, row[j+1] = row[j+1], edits
			}
		}
		edits := row[len(name)]
		if edits > 1 && abbreviates(s, name) {
			edits = 1
		}
		if edits < fewest {
			best, fewest = name, edits
		}
	}
	return best
}

// abbreviates reports whether s, of at least three bytes, is name with some bytes left out, but not
// the first: bf16 for bfloat16.
func abbreviates(s, name string) bool {
	if len(s) < 3 || name == "" || s[0] != name[0] {
		return false
	}
	for i := range len(name) {
		if s != "" && s[0] == name[i] {
			s = s[1:]
		}
	}
	return s == ""
}

// Near returns up to n names, those that are the fewest edits away from s first.
func Near(s string, names []string, n int) (near []string) {
	left := slices.Clone(names)
	for range min(n, len(names)) {
		best := Nearest(s, left)
		near = append(near, best)
		i := slices.Index(left, best)
		left = slices.Delete(left, i, i+1)
	}
	return near
}
