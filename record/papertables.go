package record

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// The cells of the paper's Tables 1 and 2 (arXiv:2402.03979, Section 3.1 and Appendix B.3).
//
//go:embed table1.csv
var table1CSV string

//go:embed table2.csv
var table2CSV string

// PaperCell is one number of the paper's tables under both losses; LS has δ = 0.05.
type PaperCell struct {
	Dataset string // as specifications name it
	Epoch   int
	Metric  string // key of a Metric; LogLoss in Table 2
	CE, LS  float64
}

// LogLoss is the metric of Table 2: the log-scaled training loss log(L − L_min + c), natural.
const LogLoss = "log_loss"

// PaperTable1 returns the cells of Table 1: errors in percent at epochs 10, 20, 50 and 100. The caller must not
// change them.
var PaperTable1 = sync.OnceValues(func() ([]PaperCell, error) { return readCells("Table 1", table1CSV) })

// PaperTable2 returns the cells of Table 2. The caller must not change them.
var PaperTable2 = sync.OnceValues(func() ([]PaperCell, error) { return readCells("Table 2", table2CSV) })

// PaperValue returns the cell of a data set, epoch and metric, and whether the table has it.
func PaperValue(table []PaperCell, dataset string, epoch int, metric string) (PaperCell, bool) {
	for _, c := range table {
		if c.Dataset == dataset && c.Epoch == epoch && c.Metric == metric {
			return c, true
		}
	}
	return PaperCell{}, false
}

// readCells reads a table. Its columns come in pairs NAME_ce and NAME_ls. Next to a column "dataset" NAME is a
// metric, without it a data set.
func readCells(table, text string) (cells []PaperCell, err error) {
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("record: the paper's %s: %w", table, err)
	}
	if len(lines) < 2 {
		return nil, fmt.Errorf("record: the paper's %s has %d lines, want a header and rows", table, len(lines))
	}
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, column := range lines[0] {
			row[column] = line[i]
		}
		epoch, err := strconv.Atoi(row["epoch"])
		if err != nil {
			return nil, fmt.Errorf("record: the paper's %s: epoch %q is no number", table, row["epoch"])
		}
		for _, column := range lines[0] {
			name, ok := strings.CutSuffix(column, "_ce")
			if !ok {
				continue
			}
			c := PaperCell{Dataset: setOfColumn(name), Epoch: epoch, Metric: LogLoss}
			if set, has := row["dataset"]; has {
				c.Dataset, c.Metric = setOfColumn(set), strings.Replace(name, "ncc_train_", "ncc_", 1)
			}
			for loss, to := range map[string]*float64{"_ce": &c.CE, "_ls": &c.LS} {
				if *to, err = strconv.ParseFloat(row[name+loss], 64); err != nil {
					return nil, fmt.Errorf("record: the paper's %s, column %s%s at epoch %d: want a number, found %q",
						table, name, loss, epoch, row[name+loss])
				}
			}
			cells = append(cells, c)
		}
	}
	return cells, nil
}

// setOfColumn is the data set of a name in the files.
func setOfColumn(name string) string {
	if name == "tinyimagenet" {
		return "tiny-imagenet"
	}
	return name
}
