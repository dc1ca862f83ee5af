// Package reproduce answers, for a figure, table, theorem or claim of the paper: which training runs
// it needs, which of them are recorded, what the others cost, what the picture or table is, and
// which claims depend on it. The command `collapse reproduce` is this package and the training of
// what is missing.
package reproduce

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/claims"
	"github.com/gocollapse/collapse/experiments"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/edit"
)

// Everything is the id of all figures, tables, theorems and claims together.
const Everything = "all"

// Item is what can be reproduced: a figure, table or theorem of the paper, a claim, or all of them.
type Item struct {
	ID      string
	Title   string            // in one line; the sentence of a claim
	Entries []figures.Entry   // what is drawn; of a claim, where the paper shows it
	Runs    []experiments.Run // that it needs, at both scales, the most valuable first
	Claims  []string          // ids of the claims that depend on it
}

// Items returns all items: figures, tables and theorems, claims, and Everything.
func Items() (items []Item) {
	all := Item{ID: Everything, Title: "Every figure, table, theorem and claim of the paper", Runs: experiments.All()}
	list := claims.All()
	for _, e := range figures.All() {
		item := Item{ID: e.ID, Title: e.Name() + ": " + e.Title, Entries: []figures.Entry{e},
			Runs: experiments.For(e.ID)}
		for _, c := range list {
			if slices.Contains(c.Shown(), e.ID) {
				item.Claims = append(item.Claims, c.ID)
			}
		}
		items = append(items, item)
		all.Entries = append(all.Entries, e)
	}
	for _, c := range list {
		item := Item{ID: c.ID, Title: c.Sentence, Runs: c.Runs(), Claims: []string{c.ID}}
		for _, id := range c.Shown() {
			if e, err := figures.ByID(id); err == nil {
				item.Entries = append(item.Entries, e)
			}
		}
		items = append(items, item)
		all.Claims = append(all.Claims, c.ID)
	}
	return append(items, all)
}

// ByID returns an item. The error of an unknown id names the nearest ones.
func ByID(id string) (Item, error) {
	items := Items()
	var ids []string
	for _, item := range items {
		if item.ID == id {
			return item, nil
		}
		ids = append(ids, item.ID)
	}
	return Item{}, fmt.Errorf("no figure, table, theorem or claim %q; near it are %s", id,
		strings.Join(edit.Near(id, ids, 3), ", "))
}
