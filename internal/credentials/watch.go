package credentials

import (
	"context"
	"fmt"
	"time"

	"github.com/fsnotify/fsnotify"
)

// defaultInterval is the Store's Interval. The kubelet renews the files within a minute or two, and file systems that report no
// changes exist.
const defaultInterval = 10 * time.Second

// settleTime is how long a file must not have changed before it is read: a program that does not replace it at once may still be
// writing.
const settleTime = 100 * time.Millisecond

// NeedLeaderElection is false: every replica uses credentials.
func (s *Store) NeedLeaderElection() bool { return false }

// Start logs which credentials are in use, and takes up changes of the files until ctx ends.
func (s *Store) Start(ctx context.Context) error {
	s.announce()
	if s.sources == nil || !s.sources.HasFiles() {
		<-ctx.Done()
		return nil
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		s.log.Info("Changes of files are not reported, so the files are read regularly", "reason", err.Error(), "every", s.Interval.String())
		watcher = &fsnotify.Watcher{}
	} else {
		defer func() { _ = watcher.Close() }()
	}
	ticker := time.NewTicker(s.Interval)
	defer ticker.Stop()
	settled := time.NewTimer(0)
	defer settled.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-watcher.Events:
			settled.Reset(settleTime)
			continue
		case err := <-watcher.Errors: // events may be lost: what they reported is read now
			s.log.V(1).Info("Changes of files may not have been reported", "reason", fmt.Sprint(err))
		case <-settled.C:
		case <-ticker.C:
		}
		s.watch(watcher)
		s.Look(ctx)
	}
}

// watch watches the folders: the kubelet replaces a link in the folder, not the files. A folder that is there again is watched
// again; one that is watched stays so.
func (s *Store) watch(watcher *fsnotify.Watcher) {
	if watcher.Events == nil {
		return
	}
	for _, folder := range s.sources.folders() {
		_ = watcher.Add(folder) // one that is missing is looked for again
	}
}
