package app

import (
	"fmt"
	"time"

	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/archivehead"
	"github.com/tollkeeper/tollkeeper/internal/controller/retention"
)

// addRetention adds what archives and deletes old events. It runs although nothing is deleted: then it says how large the trail is.
func (a *App) addRetention(cfg config.Config) error {
	rows, err := retention.NewRows(a.manager.GetConfig(), a.manager.GetHTTPClient(), cfg.Namespace)
	if err != nil {
		return err
	}
	a.retention = &retention.Retention{
		Client: a.manager.GetClient(), Reader: a.manager.GetAPIReader(), Namespace: cfg.Namespace, Rows: rows, Head: a.archiveHead(cfg),
		Keep: cfg.EventRetention, URL: cfg.ArchiveURL, Open: retention.OpenArchive, Yield: a.gate.Wait,
		Clock: clock.RealClock{}, Log: a.manager.GetLogger().WithName("retention"),
	}
	if err := a.later().Add(a.retention); err != nil {
		return fmt.Errorf("add the retention of events: %w", err)
	}
	return nil
}

func (a *App) archiveHead(cfg config.Config) archivehead.Store {
	return archivehead.Store{Reader: a.manager.GetAPIReader(), Writer: a.client(), Namespace: cfg.Namespace}
}

// horizon says which events may be gone.
func (a *App) horizon(cfg config.Config) archivehead.Horizon {
	keep := time.Duration(0)
	if cfg.DeletesEvents() {
		keep = cfg.EventRetention
	}
	return archivehead.Horizon{Store: a.archiveHead(cfg), Retention: keep, Clock: clock.RealClock{}}
}

// retentionCheck is the name of the check in /readyz that says how the retention is. The check never fails.
func (a *App) retentionCheck() string { return "retention-" + a.retention.Phase() }
