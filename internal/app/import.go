package app

import (
	"fmt"

	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/features"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/importer"
)

// addImport adds the import of what Stripe's accounts have, if there is a key. The first backfill comes after the first
// import.
func (a *App) addImport(cfg config.Config, mailbox *readings.Mailbox, accounts *features.Accounts) error {
	if a.stripe == nil || cfg.Import == config.ImportNone {
		return nil
	}
	log := a.manager.GetLogger().WithName("import")
	a.importer = importer.New(importer.Options{
		Source: a.stripe, Decoder: decoder(cfg), Mailbox: mailbox, Features: accounts,
		Checkpoints: importer.Checkpoints{
			Reader: a.manager.GetAPIReader(), Writer: a.client(), Namespace: cfg.Namespace, Log: log,
		},
		Client: a.client(), Namespace: cfg.Namespace, Accounts: cfg.Accounts, Everyone: cfg.Import == config.ImportAll,
		Clock: clock.RealClock{}, Log: log,
	})
	if a.backfill != nil {
		a.backfill.After = a.importer.FirstOver()
	}
	if err := a.later().Add(a.importer); err != nil {
		return fmt.Errorf("add the import: %w", err)
	}
	return nil
}

// isImporting reports whether the importer lists an account: it settles which subscriptions a customer has.
func (a *App) isImporting() bool { return a.importer != nil && a.importer.Running() }

// isBackfilling reports whether missed events are being listed: they may settle any doubt.
func (a *App) isBackfilling() bool { return a.backfill != nil && a.backfill.Looking() }

// importCheck is the name of the check in /readyz that says how far the import is. The check never fails.
func (a *App) importCheck() string {
	if a.importer == nil {
		return "import-Off"
	}
	return "import-" + a.importer.Phase()
}
