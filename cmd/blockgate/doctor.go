package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"blockgate/internal/sha256d"
	"blockgate/sandbox"
)

const doctorLong = `Starts a confined parser on this machine, asks the kernel and the parser itself,
and prints each layer of its cell: whether it is required or wanted, whether it
holds, what it takes from an attacker, and how to get one that is missing. Exit
code 0 if all required layers hold, 4 if one does not.`

func newDoctor() *cobra.Command {
	asJSON, noLandlock, parserPath := false, false, ""
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Say what holds the cell on this machine, and what is missing",
		Long:    doctorLong,
		Example: "  blockgate doctor\n  blockgate doctor --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDoctor(cmd.Context(), cmd.OutOrStdout(), parserPath, noLandlock, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().BoolVar(&noLandlock, "allow-no-landlock", false, "go on where the kernel has no Landlock, to see the other layers")
	cmd.Flags().StringVar(&parserPath, "parser", "", "path of blockgate-parser (default: beside this binary)")
	return cmd
}

// doctorReport is what doctor prints.
type doctorReport struct {
	OK      bool          `json:"ok"` // all required layers hold, and the probes agree
	Kernel  string        `json:"kernel"`
	Machine string        `json:"machine"`
	Build   string        `json:"build"`
	Layers  []doctorLayer `json:"layers"`
	Probes  []doctorProbe `json:"probes"` // of a live cell; none if it did not start
	Hashing doctorHashing `json:"sha256"`
	Error   string        `json:"error,omitempty"`
}

type doctorLayer struct {
	Name     string `json:"name"`
	Required bool   `json:"required"`
	State    string `json:"state"` // ok, partial, missing, off; unknown if no parser got that far
	Why      string `json:"why"`
	Detail   string `json:"detail"`
	Remedy   string `json:"remedy,omitempty"`
}

// doctorHashing says what hashes, and what the other engines lack.
type doctorHashing struct {
	Engine string            `json:"engine"`
	Lacks  map[string]string `json:"lacks"` // by engine; none of those that can run
}

func examineHashing() doctorHashing {
	h := doctorHashing{Engine: sha256d.Best().String(), Lacks: map[string]string{}}
	for _, e := range allEngines() {
		if ok, missing := e.Available(); !ok {
			h.Lacks[e.String()] = missing
		}
	}
	return h
}

// String returns the engine and why it is the one.
func (h doctorHashing) String() string {
	lines := []string{"Hashing: " + h.Engine + ", the fastest that this processor and this kernel can run.\n"}
	for _, e := range allEngines() {
		if missing := h.Lacks[e.String()]; missing != "" {
			lines = append(lines, "  "+e.String()+" lacks "+missing+"\n")
		}
	}
	return strings.Join(lines, "")
}

func runDoctor(ctx context.Context, w io.Writer, parserPath string, noLandlock, asJSON bool) error {
	report, failure := examine(ctx, parserPath, noLandlock)
	if err := report.print(w, asJSON); err != nil {
		return err
	}
	switch {
	case failure != nil:
		return failure
	case !report.layersHold():
		return exitf(exitSandbox, "a required layer does not hold")
	case !report.OK:
		return exitf(exitOwn, "the cell holds, and does not do its work")
	default:
		return nil
	}
}

// examine starts a cell. If none starts, the layers are what the kernel offers.
func examine(ctx context.Context, parserPath string, noLandlock bool) (doctorReport, error) {
	report := doctorReport{Build: sandbox.BuildID(), Probes: []doctorProbe{}, Hashing: examineHashing()}
	report.Kernel, report.Machine = kernel()
	cell, err := openSolo(parserPath, noLandlock, checkers(sha256d.Best(), nil))
	if err != nil {
		report.Error = err.Error()
		report.add(unstarted(err.Error()))
		return report, &exitError{codeOf(err), err}
	}
	defer cell.Close()
	report.add(cell.Report.Layers)
	report.probe(ctx, cell)
	report.OK = report.layersHold() && !slices.ContainsFunc(report.Probes, func(p doctorProbe) bool { return !p.OK })
	return report, nil
}

// unstarted returns all layers of a cell that did not start for that reason: what
// the kernel offers of them, and which one was missing.
func unstarted(reason string) []sandbox.Layer {
	layers := sandbox.CellLayers()
	for _, offered := range sandbox.Probe() {
		for i := range layers {
			if layers[i].Name == offered.Name {
				layers[i] = offered
			}
		}
	}
	if missing, ok := sandbox.MissingLayer(reason); ok {
		for i := range layers {
			if layers[i].Name == missing {
				layers[i].State, layers[i].Detail = sandbox.StateMissing, reason
			}
		}
	}
	return layers
}

// layersHold reports whether all required layers hold.
func (r *doctorReport) layersHold() bool {
	return !slices.ContainsFunc(r.Layers, func(l doctorLayer) bool {
		return l.Required && l.State != sandbox.StateOK.String() && l.State != sandbox.StatePartial.String()
	})
}

func (r *doctorReport) add(layers []sandbox.Layer) {
	for _, l := range layers {
		layer := doctorLayer{Name: l.Name, Required: l.Required, State: l.State.String(), Why: sandbox.Why(l.Name), Detail: l.Detail}
		if l.State != sandbox.StateOK && l.State != 0 {
			layer.Remedy = sandbox.Remedy(l.Name)
		}
		r.Layers = append(r.Layers, layer)
	}
}

func (r *doctorReport) print(w io.Writer, asJSON bool) error {
	if asJSON {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		_, err = w.Write(append(text, '\n'))
		return err
	}
	_, err := fmt.Fprintf(w, "blockgate %s on Linux %s %s\n\n", r.Build, r.Kernel, r.Machine)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "LAYER\tNEEDED\tSTATE\tTAKES AWAY\tDETAIL") // errors come back from Flush
	for _, l := range r.Layers {
		needed := "wanted"
		if l.Required {
			needed = "required"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", l.Name, needed, l.State, l.Why, l.Detail)
	}
	for _, p := range r.Probes {
		state := "ok"
		if !p.OK {
			state = "FAILED"
		}
		_, _ = fmt.Fprintf(table, "%s\tprobe\t%s\t\t%s\n", p.Name, state, p.Detail)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return r.advise(w)
}

// advise says what to do about each layer that is not in force.
func (r *doctorReport) advise(w io.Writer) error {
	var text strings.Builder
	switch {
	case !r.layersHold():
		text.WriteString("\nA required layer is missing: blockgate does not run here as it is.\n")
	case !r.OK:
		text.WriteString("\nAll required layers hold, and a probe failed.\n")
	default:
		text.WriteString("\nAll required layers hold.\n")
	}
	for _, l := range r.Layers {
		if l.Remedy != "" {
			text.WriteString("  " + l.Name + ": " + l.Remedy + "\n")
		}
	}
	_, err := io.WriteString(w, text.String()+"\n"+r.Hashing.String())
	return err
}

// kernel returns release and machine, as uname says them.
func kernel() (release, machine string) {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return "unknown", "unknown"
	}
	return unix.ByteSliceToString(name.Release[:]), unix.ByteSliceToString(name.Machine[:])
}
