//go:debug multipathtcp=0

// Command role confines itself as a role of the service does, then makes one
// attempt and says how it came out.
//
//	role none|names|addresses|any-port|broker ATTEMPT
//
// # Trust
//
// Runs in: tests.
//
// Reads: its arguments, and the [world] in the variable WORLD.
//
// Hands on: its status line, then "ok" or the name of an error.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/sandbox"
)

// world is what the test has set up around this process.
type world struct {
	Own       string // The role's folder.
	Other     string // A file of another role.
	Creds     string // A file in a folder of credentials.
	Allowed   uint16 // A TCP port of loopback that the adapter may reach.
	Forbidden uint16 // One that it may not.
	Listen    uint16 // A free one that the broker may listen on.
	Datagrams uint16 // A UDP port.
	Path      string // A unix socket.
	Abstract  string // The name of an abstract one, with its @.
	Bystander int    // A process of the same program and user.
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "bystander" {
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "executed" {
		fmt.Println("ok")
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "name-server" {
		serveNames()
		return
	}
	var w world
	if err := json.Unmarshal([]byte(os.Getenv("WORLD")), &w); err != nil {
		panic(err)
	}
	attempt, ok := find(os.Args[2])
	if !ok {
		panic("no attempt " + os.Args[2])
	}
	confine(os.Args[1], w)
	err := attempt(w)
	fmt.Println(outcome(err))
}

// confine confines this process as the role, unless it is "none".
func confine(name string, w world) {
	role := sandbox.Role{Folders: []string{w.Own}, AllowNoLandlock: os.Getenv("ALLOW_NO_LANDLOCK") != ""}
	switch name {
	case "none":
		fmt.Println("none")
		return
	case "names":
		role.Connect, role.Datagrams, role.Accept = []uint16{w.Allowed, 53}, true, true
		role.ReadOnly = []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/nowhere", filepath.Dir(w.Creds)}
	case "addresses":
		role.Connect, role.Accept = []uint16{w.Allowed}, true
	case "any-port":
		role.AnyPort = true
	case "broker":
		role.Listen = []uint16{w.Listen}
	default:
		panic("no role " + name)
	}
	report, err := sandbox.ConfineRole(role)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(sandbox.ExitMissingLayer)
	}
	_, _ = os.Stdout.Write(append(report.AppendText(nil), '\n'))
}

// outcome names an error by its number, if it has one.
func outcome(err error) string {
	var errno unix.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "late"
	default:
		return err.Error()
	}
}

// late bounds what waits for an answer.
const late = 10 * time.Second
