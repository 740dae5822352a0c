package app

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
)

// After the grace period the kubelet kills the process: requests in flight fail, and the lease is not released.
func TestAProcessEndsBeforeItsPodIsKilled(t *testing.T) {
	// reserve is for the unbounded steps: the signal from the kubelet, and the exit of the process.
	const reserve = 5 * time.Second
	var cfg config.Config
	cfg.Flags(flag.NewFlagSet("manager", flag.ContinueOnError))
	options := managerOptions(cfg)
	drain := cfg.DrainDelay + receiver.ShutdownTimeout
	manager := *options.GracefulShutdownTimeout + *options.RenewDeadline // in sequence, and in parallel with the drain
	for _, manifest := range []string{"config/manager/manager.yaml", "config/split/receiver/deployment.yaml"} {
		content, err := os.ReadFile(filepath.Join("..", "..", manifest))
		if err != nil {
			t.Fatal(err)
		}
		var deployment appsv1.Deployment
		if err := yaml.UnmarshalStrict(content, &deployment); err != nil {
			t.Fatalf("%s: %v", manifest, err)
		}
		seconds := deployment.Spec.Template.Spec.TerminationGracePeriodSeconds
		if seconds == nil {
			t.Fatalf("%s sets no terminationGracePeriodSeconds", manifest)
		}
		for what, takes := range map[string]time.Duration{"the drain": drain, "the manager": manager} {
			if granted := time.Duration(*seconds) * time.Second; takes+reserve > granted {
				t.Errorf("%s: %s may take %s, and the grace period is %s: want %s more than it takes", manifest, what, takes, granted, reserve)
			}
		}
	}
}
