package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ConfineRole takes from this process what the role does not name, and reports
// each layer. It must be called once, by a process that is built without cgo,
// after it has opened what the role does not name and before it reads the first
// byte from outside. It cannot be undone.
//
// The layers are those of a parser that a process with sockets can have:
// no_new_privs, not dumpable, no capabilities, Landlock with rules, and last a
// system call filter whose never-list kills and whose rest is EPERM.
//
// It returns a [*MissingError] at the first required layer that does not hold, a
// [*FolderError] if a folder is lost with the capabilities, and else an error of
// the system. The process must then end at once.
func ConfineRole(role Role) (Report, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	wakePoller()
	_, _ = time.Now().Zone() // reads the time zone once and for all
	r := Report{Build: BuildID()}
	for _, put := range []func(Role) ([]Layer, error){
		func(Role) ([]Layer, error) { return []Layer{forbidPrivileges()}, nil },
		func(Role) ([]Layer, error) { return forbidDumps(nil), nil },
		giveUpCapabilities,
		keepPaths,
		func(role Role) ([]Layer, error) { return []Layer{filterRole(role)}, nil },
	} {
		layers, err := put(role)
		r.Layers = append(r.Layers, layers...)
		if err == nil {
			err = r.missing()
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// ConfineSupervisor takes from this process, which starts the others, what it can
// do without: rights by exec, for itself and all that it starts, and being dumped.
// It keeps the rest: under Landlock or without its capabilities it could not make
// the namespaces of a parser. It returns a [*MissingError] if a layer does not hold.
func ConfineSupervisor() (Report, error) {
	r := Report{Build: BuildID(), Layers: append([]Layer{forbidPrivileges()}, forbidDumps(nil)...)}
	return r, r.missing()
}

// forbidPrivileges sets no_new_privs on every thread.
func forbidPrivileges() Layer {
	l := Layer{Name: LayerNoNewPrivs, Required: true, State: StateMissing}
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		l.Detail = "prctl: " + errno.Error()
		return l
	}
	got, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil || got != 1 {
		l.Detail = fmt.Sprintf("still %d (%v)", got, err)
		return l
	}
	l.State, l.Detail = StateOK, "exec gives no rights"
	return l
}

// giveUpCapabilities empties the sets of capabilities of every thread, and then
// looks whether the role's folders can still be written.
func giveUpCapabilities(role Role) ([]Layer, error) {
	l := Layer{Name: LayerCapabilities, State: StateMissing}
	bounded := emptyBoundingSet()
	err := emptyOtherSets()
	if err == nil {
		err = setsAreEmpty()
	}
	switch {
	case err != nil:
		l.Detail = err.Error()
	case bounded != nil: // an ordinary user may not, and no exec gives him what it bounds
		l.State, l.Detail = StateOK, "all are empty but the bounding set, which no_new_privs voids"
	default:
		l.State, l.Detail = StateOK, "all five sets are empty"
	}
	return []Layer{l}, writable(role.Folders)
}

// writable makes and removes a file in each folder.
func writable(folders []string) error {
	for _, folder := range folders {
		name := filepath.Join(folder, probeFile)
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600) //nolint:gosec // the role's own folder
		if err == nil {
			err = file.Close()
		}
		if err != nil {
			return &FolderError{folder, err}
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // another one removed it
			return &FolderError{folder, err}
		}
	}
	return nil
}

// filterRole installs the role's filter on every thread.
func filterRole(role Role) Layer {
	l := Layer{Name: LayerSeccomp, Required: true, State: StateMissing}
	a, ok := archOf(runtime.GOARCH)
	if !ok {
		l.Detail = "no policy for " + runtime.GOARCH
		return l
	}
	rows := rolePolicy(os.Getpid(), role)
	program, err := assembleRows(a, rows, refuse(unix.EPERM))
	if err == nil {
		err = install(program)
	}
	if err != nil {
		l.Detail = err.Error()
		return l
	}
	l.State = StateOK
	l.Detail = fmt.Sprintf("%d calls kill, %d pass, the rest is EPERM", len(neverList()), countPassing(rows))
	return l
}
