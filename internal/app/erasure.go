package app

import (
	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/erased"
	"github.com/tollkeeper/tollkeeper/internal/controller/erasure"
	"github.com/tollkeeper/tollkeeper/internal/crdschema"
)

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
	return a.setUp("erasure", r, options(1))
}
