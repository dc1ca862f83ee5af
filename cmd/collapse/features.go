package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// network is the flags that name a trained network.
type network struct {
	run, checkpoint string
	out             string
	quiet           bool

	weights, specFile string // of collapse features
}

func (n *network) add(c *cobra.Command, out string) {
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&n.run, "run", "", "`folder` of a run")
	f.StringVar(&n.checkpoint, "checkpoint", "", "checkpoint `file` of the run (default the latest)")
	f.StringVar(&n.out, "out", "", out)
}

// check reports what does not go together.
func (n *network) check() error {
	switch {
	case n.run == "" && n.weights == "":
		return errors.New("--run names no folder of a run")
	case n.run != "" && n.weights != "":
		return errors.New("--run and --weights: give one of them")
	case n.checkpoint != "" && n.run == "":
		return errors.New("--checkpoint goes with --run")
	case n.out == "":
		return errors.New("--out names no file")
	}
	return nil
}

// open opens the network on the backend that is chosen. spec is for --weights.
func (n *network) open(ctx context.Context, spec record.Spec, log io.Writer) (*train.Loaded, error) {
	how := backend.For(spec)
	// A run that measured in TF32 computes so again: the numbers are then its record's.
	if r, err := record.ReadFile(n.run); err == nil && r.Environment.TF32 {
		how.TF32 = true
	}
	b, choice, err := backend.Open(how)
	if err != nil {
		return nil, err
	}
	printChoice(log, choice)
	o := data.Options{Log: log, Progress: byteProgress(log)}
	if n.weights != "" {
		net, err := train.OpenWeights(ctx, b, spec, n.weights, o)
		if err == nil {
			fmt.Fprintf(log, "network  %s of width %d from %s\n", spec.Model, spec.Width, n.weights)
		}
		return net, err
	}
	net, err := train.OpenRun(ctx, b, n.run, n.checkpoint, o)
	if err != nil {
		return nil, err
	}
	at := fmt.Sprintf("after epoch %d", net.Epoch)
	if net.Step > 0 {
		at += fmt.Sprintf(" and %d steps, between two rows of the record", net.Step)
	}
	fmt.Fprintf(log, "network  %s, %s\n", net.Record.Spec.Name, at)
	return net, nil
}

func featuresCommand() *cobra.Command {
	s := record.DefaultSpec()
	var n network
	var o train.FeatureOptions
	c := &cobra.Command{
		Use:   "features --run DIR --out FILE.npz",
		Short: "Write features, logits and classifier of a trained network to an .npz",
		Long: `Write features, logits and classifier of a trained network to an .npz that measure and
calibrate read, and numpy.load:

  features N×d, labels N, logits N×K     of the training split (of the test split with --split test)
  weight K×d, bias K                     the classifier, as PyTorch stores it
  features_NAME N×d_NAME                 layers, averaged over the image
  test_features, test_labels, test_logits

A run's record says which images there are and how they were prepared. With --weights
the network is PyTorch's: --model, --width, --stem, --head and --dataset say what it is.
The images are streamed: memory does not grow with their number.`,
		Example: `  collapse features --run runs/x --out x.npz
  collapse measure --features x.npz
  collapse calibrate --logits x.npz --split test
  collapse features --run runs/x --split train --layers all --out layers.npz
  collapse features --weights resnet18.safetensors --model resnet18 --dataset cifar10 --out torch.npz`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if err := n.check(); err != nil {
				return usageError{err}
			}
			if given := givenSpecFlags(c); n.run != "" && len(given) > 0 {
				return usageError{fmt.Errorf("--%s goes with --weights: "+
					"a run's record says what its network and images are", given[0])}
			}
			spec := s
			if n.weights != "" {
				if spec, err = resolveSpec(c, s, specSources{file: n.specFile}); err != nil {
					return err
				}
			}
			log := c.ErrOrStderr()
			if n.quiet {
				log = io.Discard
			}
			net, err := n.open(c.Context(), spec, log)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, net.Close()) }()
			tell, end := countProgress[int](log, "images")
			o.Progress = tell
			err = train.WriteFeatures(c.Context(), net.Engine, net.Set, n.out, o)
			end()
			if c.Context().Err() != nil {
				return fmt.Errorf("stopped; %s was not written: %w", n.out, err)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), n.out)
			return err
		},
	}
	n.add(c, ".npz `file` to write")
	f := c.Flags()
	f.BoolVar(&n.quiet, "quiet", false, "no progress on standard error")
	f.StringVar(&o.Split, "split", "", "train, test or both (default both, or train where there are no test images)")
	f.StringSliceVar(&o.Layers, "layers", nil, "`layers` whose output to write too: all, or names such as stem,layer1")
	f.StringVar(&n.weights, "weights", "", ".safetensors or .npz `file` of PyTorch's weights, in place of --run")
	f.StringVar(&n.specFile, "spec", "",
		"with --weights: specification that says network and images; flags override its fields")
	addSpecFlags(f, &s)
	return c
}

// givenSpecFlags lists the flags of a specification, and --spec, that were given.
func givenSpecFlags(c *cobra.Command) (given []string) {
	var s record.Spec
	fields := pflag.NewFlagSet("specification", pflag.ContinueOnError)
	addSpecFlags(fields, &s)
	c.Flags().Visit(func(f *pflag.Flag) {
		if f.Name == "spec" || fields.Lookup(f.Name) != nil {
			given = append(given, f.Name)
		}
	})
	return given
}

func weightsCommand() *cobra.Command {
	var n network
	c := &cobra.Command{
		Use:   "weights --run DIR --out FILE",
		Short: "Write a trained network's weights for PyTorch",
		Long: `Write a trained network's weights for PyTorch, under torchvision's names and in its
layouts: as .safetensors or, for NumPy alone, as .npz. docs/models.md shows how PyTorch
loads them.`,
		Example: `  collapse weights --run runs/x --out x.safetensors
  collapse weights --run runs/x --checkpoint checkpoint-epoch-100.safetensors --out x-100.npz`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := n.check(); err != nil {
				return usageError{err}
			}
			if err := train.ExportRun(n.run, n.checkpoint, n.out); err != nil {
				return err
			}
			_, err := fmt.Fprintln(c.OutOrStdout(), n.out)
			return err
		},
	}
	n.add(c, ".safetensors or .npz `file` to write")
	return c
}
