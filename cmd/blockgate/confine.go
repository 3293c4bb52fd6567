package main

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"blockgate/sandbox"
)

// Ports that a role may have to reach.
const (
	portDNS  = 53
	portNATS = 4222 // of a URL that names none
)

// confine locks this process into what role names, says in the log how far that
// holds, and returns the same. An error of it has its exit code.
func confine(ctx context.Context, role func() (sandbox.Role, error), log *slog.Logger) (sandbox.Report, error) {
	kept, err := role()
	if err != nil {
		return sandbox.Report{}, err
	}
	kept.Folders = append(kept.Folders, coverageFolders()...)
	report, err := sandbox.ConfineRole(kept)
	if folder, ok := errors.AsType[*sandbox.FolderError](err); ok {
		return report, &exitError{exitData, folder}
	}
	if err != nil {
		return report, err
	}
	logConfined(ctx, report, log)
	return report, nil
}

// confineSupervisor gives up what the supervisor can do without, and returns what
// holds. It is said in the log when the settings have turned out to be of use.
func confineSupervisor() (sandbox.Report, error) {
	if err := sandbox.SetProcessName("bg-supervisor"); err != nil {
		return sandbox.Report{}, err
	}
	return sandbox.ConfineSupervisor()
}

// logConfined says each layer once, and of each that does not hold in full why and
// what to do.
func logConfined(ctx context.Context, report sandbox.Report, log *slog.Logger) {
	layers := make([]any, 0, len(report.Layers))
	for _, l := range report.Layers {
		layers = append(layers, slog.String(l.Name, l.State.String()))
	}
	log.LogAttrs(ctx, slog.LevelInfo, "confined", slog.Int("pid", os.Getpid()), slog.Group("layers", layers...))
	for _, l := range report.Layers {
		level := slog.LevelWarn
		if l.State == sandbox.StateOK {
			continue
		}
		if l.State == sandbox.StateOff {
			level = slog.LevelError
		}
		log.LogAttrs(ctx, level, "sandbox layer not in force", slog.String("layer", l.Name), slog.String("state", l.State.String()),
			slog.String("detail", l.Detail), slog.String("remedy", sandbox.Remedy(l.Name)))
	}
}

// coverageFolders is where a build for coverage writes its counters at the end. No
// other build has any.
func coverageFolders() []string {
	folder := os.Getenv("GOCOVERDIR")
	info, ok := debug.ReadBuildInfo()
	covered := ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-cover", Value: "true"})
	if folder == "" || !covered {
		return nil
	}
	return []string{folder}
}

// rememberAuthorities reads the system's certificates, or those that SSL_CERT_FILE
// and SSL_CERT_DIR name, once and for all: their files are closed from then on.
func rememberAuthorities(log *slog.Logger) {
	if _, err := x509.SystemCertPool(); err != nil {
		log.Warn("no certificates of authorities", slog.String("reason", err.Error()), slog.String("next", "no TLS server is believed"))
	}
}

// confinement is what the broker keeps: its store and the port that it listens on.
func (c *brokerConfig) confinement() (sandbox.Role, error) {
	port, err := portOf(c.Listen, 0)
	if first := firstFreePort(); err == nil && port != 0 && port < first {
		err = exitf(exitBus, "--nats-listen %s: ports below %d need a capability, which the confined broker has not; name a higher one", c.Listen, first)
	}
	return sandbox.Role{Folders: []string{c.StoreDir}, Listen: []uint16{port}, AllowNoLandlock: c.NoLandlock}, err
}

// firstFreePort returns the lowest port on which one may listen without a
// capability.
func firstFreePort() uint16 {
	const usual = 1024 // Source: ip_unprivileged_port_start, Linux Documentation/networking/ip-sysctl.rst.
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return usual
	}
	first, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 16)
	if err != nil {
		return usual
	}
	return uint16(first)
}

// confinement is what the adapter keeps: its folder, the ports of peers and bus, the
// clients of its control socket and of its metrics, and, unless every host is given by
// its address, name servers. Behind a proxy it is the proxy's port in place of the
// peers', and no name server.
func (c *adapterConfig) confinement() (sandbox.Role, error) {
	role := sandbox.Role{Folders: []string{c.Folder}, AnyPort: c.AnyPort, Accept: true, AllowNoLandlock: c.NoLandlock}
	named, err := c.peerPorts(&role)
	if err != nil {
		return role, err
	}
	for server := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(server)
		if err != nil {
			return role, usagef("bus URL: %w", err)
		}
		port, err := portOf(u.Host, portNATS)
		if err != nil {
			return role, err
		}
		role.Connect = append(role.Connect, port)
		named = named || !isAddress(u.Host)
	}
	if named && !c.Reach.Proxy.IsValid() {
		role.Connect = append(role.Connect, portDNS)
		role.Datagrams = true
		role.ReadOnly = append(role.ReadOnly, resolverFiles()...)
	}
	if c.Creds != "" {
		role.ReadOnly = append(role.ReadOnly, credentialPaths(c.Creds)...)
	}
	return role, nil
}

// peerPorts opens the ports by which peers are reached, and reports whether names are
// looked up for that.
func (c *adapterConfig) peerPorts(role *sandbox.Role) (named bool, err error) {
	role.Connect = append(role.Connect, c.Reach.proxies()...)
	if c.Reach.Proxy.IsValid() {
		return false, nil
	}
	if len(c.Connect) == 0 && c.Reach.useSeeds() {
		params, _, err := c.params()
		if err != nil {
			return false, err
		}
		role.Connect = append(role.Connect, params.Port)
		named = true
	}
	for _, p := range c.Connect {
		if p.byTor() {
			continue
		}
		role.Connect = append(role.Connect, p.Addr.Port())
		named = named || !isAddress(p.Name)
	}
	return named, nil
}

// portOf returns the port of host:port, or the other one if there is none.
func portOf(address string, other uint16) (uint16, error) {
	u := url.URL{Host: address}
	if u.Port() == "" {
		return other, nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return 0, usagef("%q: port: %w", address, err)
	}
	return uint16(port), nil
}

// isAddress reports whether the host of an address, with or without a port, is
// given by number, so that no name is looked up.
func isAddress(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
	}
	_, err = netip.ParseAddr(host)
	return err == nil
}

// resolverFiles is what Go's resolver reads, again and again. The files of /etc are
// allowed one by one, since the folder has more in it; where resolv.conf is a link
// into a folder below /run, as systemd-resolved and others have it, that folder is,
// so that a new file may take the old one's place.
func resolverFiles() []string {
	paths := []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"}
	folder := filepath.Dir(realPath(paths[0]))
	if below, ok := strings.CutPrefix(folder, "/run/"); ok && below != "" {
		paths = append(paths, folder)
	}
	return paths
}

// credentialPaths is what may be read of a credentials file: its folder, so that a
// new file may take the old one's place, also by links as Kubernetes makes them. A
// folder that has more in it is not opened: then the file alone is, and a new one
// needs a restart.
func credentialPaths(file string) []string {
	paths := []string{file}
	for _, folder := range []string{filepath.Dir(file), filepath.Dir(realPath(file))} {
		if onlyCredentials(folder) {
			paths = append(paths, folder)
		}
	}
	return paths
}

// maxCredentials is the most files of a folder that is for credentials alone.
// Source: a certificate, its key, the authority's, a token, a JWT file, and the
// three names that Kubernetes adds.
const maxCredentials = 12

// onlyCredentials reports whether a folder is for credentials alone: a few files,
// and no folder but those that Kubernetes hides behind two dots.
func onlyCredentials(folder string) bool {
	dir, err := os.Open(folder) //nolint:gosec // the operator names the file in it
	if err != nil {
		return false
	}
	defer dir.Close() //nolint:errcheck // read only
	entries, err := dir.ReadDir(maxCredentials + 1)
	if err != nil || len(entries) > maxCredentials {
		return false
	}
	return !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.IsDir() && !strings.HasPrefix(e.Name(), "..") })
}

func realPath(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return path
}
