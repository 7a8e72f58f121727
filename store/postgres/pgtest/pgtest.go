//go:build unix

// Package pgtest runs private PostgreSQL servers for tests, from the binaries of the Debian package postgresql.
//
//	server := pgtest.Start(t)
//	db, err := postgres.Open(ctx, server.Database(t))
//
// A server listens on a socket in a folder of its own and not on the network. It runs as an ordinary user: when the test runs as root, as
// the user postgres or nobody. It can be stopped, killed, and started again over the same data. Without the binaries a
// test is skipped, and fails when the environment variable CI is true. Servers need a Unix system.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// TB is what a server needs of a test. A *testing.T is one.
type TB interface {
	Helper()
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// ErrAbsent says that PostgreSQL is not installed.
var ErrAbsent = errors.New("PostgreSQL is not installed: there is no /usr/lib/postgresql/*/bin/postgres and none in the PATH (Debian package postgresql)")

// A Server is a PostgreSQL server with data of its own. It is safe for concurrent use.
type Server struct {
	bin, dir string
	owner    *account // nil: the user of the test
	settings []string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
}

// account is whom a server runs as.
type account struct{ uid, gid uint32 }

// A Setting is a line of the server's configuration, such as "fsync=on".
type Setting string

// The server of a test does not survive a power failure, so it need not wait for the disk.
var defaults = []string{
	"listen_addresses=", "fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200",
	"shared_buffers=64MB", "logging_collector=off", "timezone=Asia/Shanghai",
}

// Start starts a server for a test, which ends with it.
func Start(t TB, settings ...Setting) *Server {
	t.Helper()
	s, err := New(settings...)
	switch {
	case errors.Is(err, ErrAbsent) && os.Getenv("CI") != "true":
		t.Skipf("skipped: %v", err)
	case err != nil:
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// New starts a server. It must be closed. Where PostgreSQL is not installed the error is [ErrAbsent].
func New(settings ...Setting) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, settings: slices.Clone(defaults)}
	for _, line := range settings {
		s.settings = append(s.settings, string(line))
	}
	if s.owner, err = ownerOf(os.Geteuid()); err != nil {
		return nil, err
	}
	// The path of a socket has little room, so the folder lies at the top.
	if s.dir, err = os.MkdirTemp("", "pg"); err != nil {
		return nil, err
	}
	err = s.initialise()
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// binaries finds the folder of the newest server that is installed.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return versionOf(a) - versionOf(b) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", ErrAbsent
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

func versionOf(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// ownerOf returns whom the server must run as: it refuses to run as root.
func ownerOf(uid int) (*account, error) {
	if uid != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		return &account{uint32(uid), uint32(gid)}, errors.Join(err1, err2)
	}
	return nil, errors.New("running as root, and there is neither a user postgres nor nobody to run the server as")
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
func (s *Server) log() string  { return filepath.Join(s.dir, "log") }

func (s *Server) initialise() error {
	if s.owner != nil {
		if err := os.Chown(s.dir, int(s.owner.uid), int(s.owner.gid)); err != nil {
			return err
		}
	}
	cmd := exec.Command(filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
	cmd.Dir, cmd.SysProcAttr = s.dir, attributes(s.owner, false)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// startTime bounds how long a server may take to start; after a crash it reads its log first.
const startTime = 60 * time.Second

// Start starts the server again over its data, after Stop or Kill, and waits until it answers.
func (s *Server) Start() error {
	deadline := time.Now().Add(startTime)
	for {
		err := s.launch()
		for err == nil {
			if err = s.ping(); err == nil {
				return nil
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("the server does not answer: %w\n%s", err, s.tail())
			}
			if s.running() {
				time.Sleep(10 * time.Millisecond)
				err = nil
			}
		}
		// Processes of a server that was killed may take a moment to go.
		if time.Now().After(deadline) || !strings.Contains(s.tail(), "pre-existing shared memory") && !strings.Contains(s.tail(), "lock file") {
			return fmt.Errorf("the server does not start: %w\n%s", err, s.tail())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *Server) launch() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		select {
		case <-s.exited:
		default:
			return errors.New("it is running already")
		}
	}
	// Appending, because processes of the server before may write to it still.
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"-D", s.data(), "-k", s.dir}
	for _, line := range s.settings {
		args = append(args, "-c", line)
	}
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	cmd.SysProcAttr = attributes(s.owner, true)
	exited, started := make(chan struct{}), make(chan error)
	go waitFor(cmd, started, exited)
	if err := <-started; err != nil {
		return err
	}
	s.cmd, s.exited = cmd, exited
	return nil
}

func (s *Server) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return false
	}
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

func (s *Server) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// tail returns the end of the server's log.
func (s *Server) tail() string {
	out, err := os.ReadFile(s.log())
	if err != nil {
		return err.Error()
	}
	return string(out[max(0, len(out)-2000):])
}

// Stop ends the server in good order: commits are kept, connections are cut.
func (s *Server) Stop() error { return s.signal(syscall.SIGINT) }

// Kill ends the server and all its processes at once, as a failing machine does (but for what the disk has not got yet).
func (s *Server) Kill() error { return s.signal(syscall.SIGKILL) }

// Close ends the server and removes its data.
func (s *Server) Close() error {
	return errors.Join(s.signal(syscall.SIGKILL), os.RemoveAll(s.dir))
}

func (s *Server) signal(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return nil
	}
	select {
	case <-s.exited:
		return nil
	default:
	}
	pids := []int{s.cmd.Process.Pid}
	if sig == syscall.SIGKILL {
		pids = append(pids, children(pids[0])...)
	}
	for i, pid := range pids {
		if err := syscall.Kill(pid, sig); err != nil && i == 0 {
			return err
		}
	}
	<-s.exited
	return nil
}

// children returns the processes whose parent is a process, where the system tells.
func children(parent int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		line, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		// pid (command) state parent …; the command may have blanks in it.
		rest := strings.Fields(string(line[strings.LastIndexByte(string(line), ')')+1:]))
		if len(rest) > 1 && rest[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// URL returns how to connect to a database of the server. Settings of pgxpool and of the session may be given as key=value.
func (s *Server) URL(database string, settings ...string) string {
	q := url.Values{"host": {s.dir}, "user": {"postgres"}}
	for _, line := range settings {
		key, value, _ := strings.Cut(line, "=")
		q.Set(key, value)
	}
	return "postgres:///" + url.PathEscape(database) + "?" + q.Encode()
}

var databases atomic.Int64

// Database makes an empty database for a test and returns how to connect to it. Its texts are sorted as people do, not by their
// bytes: a store must not rely on the order of the database.
func (s *Server) Database(t TB, settings ...string) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := s.Exec("CREATE DATABASE " + name + " TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' STRATEGY file_copy"); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() { _ = s.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)") })
	return s.URL(name, settings...)
}

// Exec carries out SQL in the database postgres, as the superuser.
func (s *Server) Exec(sql string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}
