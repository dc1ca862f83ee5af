package docs

import (
	"fmt"
	"testing"

	"github.com/gocollapse/collapse/data"
)

// The table of data sets in data.md is data's.
func TestDataSets(t *testing.T) {
	var rows [][]string
	for _, a := range data.List() {
		load := "in the program"
		if a.Download > 0 {
			load = fmt.Sprintf("%.1f MB", float64(a.Download)/1e6)
		}
		rows = append(rows, []string{"`" + a.Name + "`", a.Title, fmt.Sprintf("%d + %d", a.Train, a.Test),
			fmt.Sprint(a.Classes), fmt.Sprintf("%d×%d×%d", a.Height, a.Width, a.Channels), load, a.Licence})
	}
	header := []string{"name", "data set", "training + test", "classes", "pixels", "download", "licence"}
	generated(t, "data.md", "data sets", "\n"+table(header, rows)+"\n")
}
