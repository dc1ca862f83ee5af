// Package edit finds the name that a mistyped one was meant to be.
package edit

import "math"

// Nearest returns the name with the fewest edits (Levenshtein's: a byte inserted,
// left out or replaced) from s, the first of equal ones, or "" where there is none.
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
		if row[len(name)] < fewest {
			best, fewest = name, row[len(name)]
		}
	}
	return best
}
