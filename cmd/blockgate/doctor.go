package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"blockgate/internal/sha256d"
	"blockgate/sandbox"
)

const doctorLong = `Starts a confined parser on this machine and prints each layer of its cell:
whether it is required or wanted, its state, and what to do about one that is
missing. Exit code 0 only if all required layers hold.`

func newDoctor() *cobra.Command {
	asJSON, noLandlock, parserPath := false, false, ""
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Say what holds the cell on this machine, and what is missing",
		Long:    doctorLong,
		Example: "  blockgate doctor\n  blockgate doctor --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDoctor(cmd.OutOrStdout(), parserPath, noLandlock, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().BoolVar(&noLandlock, "allow-no-landlock", false, "go on where the kernel has no Landlock, to see the other layers")
	cmd.Flags().StringVar(&parserPath, "parser", "", "path of blockgate-parser (default: beside this binary)")
	return cmd
}

// doctorReport is what doctor prints.
type doctorReport struct {
	OK      bool          `json:"ok"` // all required layers hold
	Kernel  string        `json:"kernel"`
	Machine string        `json:"machine"`
	Build   string        `json:"build"`
	Layers  []doctorLayer `json:"layers"`
	Hashing doctorHashing `json:"sha256"`
	Error   string        `json:"error,omitempty"`
}

type doctorLayer struct {
	Name     string `json:"name"`
	Required bool   `json:"required"`
	State    string `json:"state"`
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
	text := "Hashing: " + h.Engine + ", the fastest that this processor and this kernel can run.\n"
	for _, e := range allEngines() {
		if missing := h.Lacks[e.String()]; missing != "" {
			text += "  " + e.String() + " lacks " + missing + "\n"
		}
	}
	return text
}

func runDoctor(w io.Writer, parserPath string, noLandlock, asJSON bool) error {
	report, failure := examine(parserPath, noLandlock)
	if err := report.print(w, asJSON); err != nil {
		return err
	}
	switch {
	case failure != nil:
		return failure
	case !report.OK:
		return exitf(exitSandbox, "a required layer does not hold")
	default:
		return nil
	}
}

// examine starts a cell. If none starts, the layers are what the kernel offers.
func examine(parserPath string, noLandlock bool) (doctorReport, error) {
	report := doctorReport{Build: sandbox.BuildID(), Hashing: examineHashing()}
	report.Kernel, report.Machine = kernel()
	cell, err := openSolo(parserPath, noLandlock, checkers(sha256d.Best(), nil))
	if err != nil {
		report.Error = err.Error()
		report.add(sandbox.Probe())
		return report, &exitError{codeOf(err), err}
	}
	defer cell.Close()
	report.OK = true
	report.add(cell.Report.Layers)
	for _, l := range cell.Report.Layers {
		report.OK = report.OK && (!l.Required || l.Holds())
	}
	return report, nil
}

func (r *doctorReport) add(layers []sandbox.Layer) {
	for _, l := range layers {
		layer := doctorLayer{Name: l.Name, Required: l.Required, State: l.State.String(), Detail: l.Detail}
		if l.State != sandbox.StateOK {
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
	_, _ = fmt.Fprintln(table, "LAYER\tNEEDED\tSTATE\tDETAIL") // errors come back from Flush
	for _, l := range r.Layers {
		needed := "wanted"
		if l.Required {
			needed = "required"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", l.Name, needed, l.State, l.Detail)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return r.advise(w)
}

// advise says what to do about each layer that is not in force.
func (r *doctorReport) advise(w io.Writer) error {
	text := "\nAll required layers hold.\n"
	if !r.OK {
		text = "\nA required layer is missing: blockgate does not run here as it is.\n"
	}
	for _, l := range r.Layers {
		if l.Remedy != "" {
			text += "  " + l.Name + ": " + l.Remedy + "\n"
		}
	}
	_, err := io.WriteString(w, text+"\n"+r.Hashing.String())
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
