package train

import "github.com/gocollapse/collapse/record"

// slotNames returns the names of the slots that the specification's optimiser keeps.
func slotNames(spec record.Spec) []string { return []string{Momentum} }
