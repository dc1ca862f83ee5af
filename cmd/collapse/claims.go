package main

import (
	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/claims"
	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/reproduce"
)

func claimsCommand() *cobra.Command {
	format, asJSON, full := formats(), false, false
	c := &cobra.Command{
		Use:   "claims [RECORD…]",
		Short: "Decide the paper's claims from records and closed forms",
		Long: `Decide each of the paper's decidable claims by its rule, from the records of the project
or from those that are given, and from closed forms. Differences between the losses are
paired by seed; p (Holm) is corrected for all claims that are decided on the same runs.
Records of several settings are not mixed: of those that are given, none then decides, and
the note names the fields that differ. A verdict at reduced scale is not the paper's.
docs/claims.md explains the columns.`,
		Example: `  collapse claims
  collapse claims --full --format md
  collapse claims --json runs/ce runs/ls`,
		Args: usageArgs(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error {
			records, err := claimRecords(args)
			if err != nil {
				return err
			}
			results, err := claims.Decide(records, claims.Options{Given: len(args) > 0})
			if err != nil {
				return err
			}
			if asJSON || format.value == "json" {
				return printJSON(c.OutOrStdout(), results)
			}
			return printFormat(c.OutOrStdout(), format.value, reproduce.ClaimsTable(results, full))
		},
	}
	c.Flags().Var(&format, "format", "text, json, md, html or tex")
	c.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	c.Flags().BoolVar(&full, "full", false, "also print each claim's sentence and what its verdict rests on")
	return c
}

// claimRecords reads the records that are given, else those of the project.
func claimRecords(paths []string) ([]*record.Record, error) {
	if len(paths) > 0 {
		return record.ReadAll(paths...)
	}
	root, err := project.Root()
	if err != nil {
		return nil, err
	}
	choice, err := backend.Choose(backend.Options{})
	if err != nil {
		return nil, err
	}
	state, err := reproduce.Load(root, choice.Environment(nil))
	if err != nil {
		return nil, err
	}
	return state.Records, nil
}
