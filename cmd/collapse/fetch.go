package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/figures"
)

func fetchCommand() *cobra.Command {
	var from string
	var list, verify, asJSON bool
	c := &cobra.Command{
		Use:   "fetch NAME…",
		Short: "Fetch a data set from its official address, or take it from a file or folder",
		Long: `Fetch data sets into the folder COLLAPSE_DATA, or collapse/data in the user's cache
folder. What is there is not fetched again, and a broken download goes on where it
stopped. A download must have its published size and hash.`,
		Example: `  collapse fetch cifar10 cifar100
  collapse fetch cifar10 --from cifar-10-binary.tar.gz
  collapse fetch cifar100 --from cifar-100-python.tar.gz
  collapse fetch --list
  collapse fetch cifar10 --verify`,
		Args: func(c *cobra.Command, args []string) error {
			if list {
				return usageArgs(cobra.NoArgs)(c, args)
			}
			return usageArgs(cobra.MinimumNArgs(1))(c, args)
		},
		RunE: func(c *cobra.Command, names []string) error {
			switch {
			case list && (from != "" || verify), verify && from != "":
				return usageError{errors.New("--list, --verify and --from exclude each other")}
			case from != "" && len(names) != 1:
				return usageError{errors.New("--from takes one data set")}
			case asJSON && !list && !verify:
				return usageError{errors.New("--json goes with --list or --verify")}
			case list:
				return listSets(c, asJSON)
			case verify:
				return verifySets(c, names, asJSON)
			}
			return fetchSets(c, names, from)
		},
	}
	f := c.Flags()
	f.StringVar(&from, "from", "", "install from a downloaded archive or its unpacked folder, without a network")
	f.BoolVar(&list, "list", false, "list the sets with size, licence and citation")
	f.BoolVar(&verify, "verify", false, "read installed sets through and compare hashes")
	f.BoolVar(&asJSON, "json", false, "the list or the result of --verify as JSON")
	return c
}

// fetchSets fetches the sets, or installs the one of names from a file or folder.
func fetchSets(c *cobra.Command, names []string, from string) error {
	for _, name := range names {
		o := data.Options{Log: c.ErrOrStderr(), Progress: byteProgress(c.ErrOrStderr())}
		var dir string
		var err error
		if from != "" {
			dir, err = data.FetchFrom(c.Context(), name, from, o)
		} else {
			dir, err = data.Fetch(c.Context(), name, o)
		}
		if err != nil {
			return err
		}
		if dir == "" {
			dir = "embedded in the program"
		}
		fmt.Fprintln(c.OutOrStdout(), dir)
	}
	return nil
}

func listSets(c *cobra.Command, asJSON bool) error {
	sets, err := data.ListLocated(data.Options{})
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(c.OutOrStdout(), sets)
	}
	t := figures.Table{
		Title:  "Data sets",
		Header: []string{"Set", "Training", "Test", "Classes", "Pixels", "Download (MB)", "Here"},
	}
	for _, s := range sets {
		size, here := "–", "no"
		switch {
		case s.Download == 0:
			here = "in the program"
		case s.Installed:
			here = "yes"
		}
		if s.Download > 0 {
			size = fmt.Sprintf("%.1f", float64(s.Download)/1e6)
		}
		t.Rows = append(t.Rows, []string{s.Name, fmt.Sprint(s.Train), fmt.Sprint(s.Test), fmt.Sprint(s.Classes),
			fmt.Sprintf("%d×%d×%d", s.Height, s.Width, s.Channels), size, here})
		note := fmt.Sprintf("%s: %s. Licence: %s. %s.", s.Name, s.Title, s.Licence, s.Citation)
		if s.URL != "" {
			note += " From " + s.URL[:strings.LastIndex(s.URL, "/")+1]
		}
		t.Notes = append(t.Notes, note)
	}
	return printTables(c.OutOrStdout(), &t)
}

func verifySets(c *cobra.Command, names []string, asJSON bool) error {
	reports := []*data.Report{}
	for _, name := range names {
		r, err := data.Verify(c.Context(), name, data.Options{Log: c.ErrOrStderr()})
		if err != nil {
			return err
		}
		reports = append(reports, r)
	}
	w := c.OutOrStdout()
	if asJSON {
		return printJSON(w, reports)
	}
	for _, r := range reports {
		where := r.Folder
		if where == "" {
			where = "embedded in the program"
		}
		fmt.Fprintf(w, "%s: %s, %d + %d images, %s\n", r.Name, r.Bytes, r.Train, r.Test, where)
		for _, f := range r.Files {
			fmt.Fprintf(w, "%s  %s\n", f.SHA256, f.Name)
		}
		if r.Decoded != "" {
			fmt.Fprintf(w, "decoded copy: %s\n", r.Decoded)
		}
	}
	return nil
}
