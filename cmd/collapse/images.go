package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
)

// imagesCommand draws the pictures of a data set.
func imagesCommand() *cobra.Command {
	out := pictureFile("data.svg")
	var per, resize int
	c := &cobra.Command{
		Use:   "images NAME",
		Short: "Draw pictures of each class of a data set, as SVG or PNG",
		Long: `Draw the first training pictures of each class of a data set: of up to 20 classes
several, of more one each. Nothing is fetched. folder:PATH and npz:PATH name images
of your own.`,
		Example: "  collapse images cifar10 --out cifar10.png",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if per < 1 || per > 20 {
				return usageError{fmt.Errorf("--per-class %d; want 1 to 20", per)}
			}
			o := data.Options{Offline: true, Log: c.ErrOrStderr(), Resize: resize}
			set, err := data.Open(c.Context(), args[0], o)
			if err != nil {
				return err
			}
			in := set.Info
			f, err := figures.DataSet(figures.Samples{
				Title:   in.Name,
				Caption: figures.SamplesCaption(in),
				Pixels:  set.Train.Images, Labels: set.Train.Labels, Classes: in.Classes,
				Height: set.Height, Width: set.Width, Channels: set.Channels, PerClass: per,
			})
			if err != nil {
				return err
			}
			if err := writePicture(c, string(out), f); err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), out)
			return err
		},
	}
	c.Flags().Var(&out, "out", "`file` to write, .svg or .png")
	c.Flags().IntVar(&per, "per-class", 8, "pictures per class, 1 to 20")
	field, _ := record.FieldByKey("resize")
	c.Flags().IntVar(&resize, flagName(field.Key), 0, flagHelp(field))
	return c
}
