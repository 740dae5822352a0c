package app

import (
	"context"
	"time"

	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/erased"
	"github.com/tollkeeper/tollkeeper/internal/controller/erasure"
	"github.com/tollkeeper/tollkeeper/internal/crdschema"
)

// erasureTimeout bounds the erasure of one customer, which reads every event in the cluster, and every personal file that the archive
// has of the account.
const erasureTimeout = 30 * time.Minute

// addErasure adds what erases the personal data of customers.
func (a *App) addErasure(cfg config.Config, noted *erased.Mailbox) error {
	schemas, err := crdschema.Load()
	if err != nil {
		return err
	}
	r := &erasure.Reconciler{
		Client: a.client(), Reader: a.manager.GetAPIReader(), Clock: clock.RealClock{}, Recorder: a.manager.GetEventRecorder(reporter),
		Replacer: &erasure.Replacer{
			Client: a.client(), Reader: a.manager.GetAPIReader(), Namespace: cfg.Namespace, Schemas: schemas, Clock: clock.RealClock{},
		},
		Erased: noted, HasStripe: a.stripe != nil, Delay: cfg.EraseDeleted,
	}
	switch cfg.ArchiveURL {
	case config.ArchiveNone:
	case "":
		r.Unreached = func(ctx context.Context) (string, error) { return erasure.Unreached(ctx, a.archiveHead(cfg)) }
	default:
		r.Archive = &erasure.Bucket{
			Open: func(ctx context.Context) (*archive.Archive, error) { return archive.Open(ctx, cfg.ArchiveURL) },
			Head: a.archiveHead(cfg),
		}
	}
	patient := options(1)
	patient.ReconciliationTimeout = erasureTimeout
	return a.setUp(a.later(), "erasure", r, patient)
}
