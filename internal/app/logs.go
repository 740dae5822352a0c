package app

import (
	"context"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// logOf makes the loggers of a controller: a line has the controller's name and the name of the object. There is one
// namespace, and the controller says the kind.
func (a *App) logOf(name string) func(*reconcile.Request) logr.Logger {
	log := a.manager.GetLogger().WithName(name)
	return func(request *reconcile.Request) logr.Logger {
		if request == nil {
			return log
		}
		return log.WithValues("object", request.Name)
	}
}

// logLeadership has the log say when this process begins to run the controllers.
func (a *App) logLeadership() error {
	return a.manager.Add(manager.RunnableFunc(func(context.Context) error {
		a.log("This process leads: it runs the controllers")
		return nil
	}))
}
