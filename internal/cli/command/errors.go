package command

import (
	"errors"
	"fmt"
	"net"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
)

// supportRole has the rights that the commands need which change something.
const supportRole = "tollkeeper-support-role"

// unreached is an error of a search. It is advised only if the API server did not answer: otherwise it says itself what to do.
func unreached(err error) error {
	var network *net.OpError
	if errors.As(err, &network) || apierrors.IsUnauthorized(err) {
		return advised(err, "search")
	}
	return err
}

// advised is an error of the API server with what to do about it.
func advised(err error, what string) error {
	var network *net.OpError
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s: %w. Ask an administrator for the ClusterRole %s", what, err, supportRole)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("%s: the API server does not accept your credentials: log in again, or choose another --context", what)
	case meta.IsNoMatchError(err):
		return fmt.Errorf("%s: the cluster does not have Tollkeeper's resources: check --context, or install Tollkeeper (%w)", what, err)
	case errors.As(err, &network):
		return fmt.Errorf("%s: the API server cannot be reached: check --context and --kubeconfig (%w)", what, err)
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}
