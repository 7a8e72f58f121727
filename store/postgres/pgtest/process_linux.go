package pgtest

import (
	"os/exec"
	"runtime"
	"syscall"
)

// attributes says whom a process runs as. One that is to die with the test does so also when the test is killed.
func attributes(owner *account, dies bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{}
	if owner != nil {
		attr.Credential = &syscall.Credential{Uid: owner.uid, Gid: owner.gid}
	}
	if dies {
		attr.Pdeathsig = syscall.SIGINT
	}
	return attr
}

// waitFor starts a process and waits for its end. It stays on one thread: the process dies with the thread that started it.
func waitFor(cmd *exec.Cmd, started chan<- error, exited chan<- struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	started <- err
	if err == nil {
		_ = cmd.Wait()
	}
	close(exited)
}
