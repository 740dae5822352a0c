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

// What has not ended when its time is up is killed, and with it the requests in flight and the lease, which nobody then gives back.
func TestAProcessEndsBeforeItsPodIsKilled(t *testing.T) {
	// reserve is for what nothing bounds: the kubelet's way to the process, and the process's to its end.
	const reserve = 5 * time.Second
	var cfg config.Config
	cfg.Flags(flag.NewFlagSet("manager", flag.ContinueOnError))
	options := managerOptions(cfg)
	drain := cfg.DrainDelay + receiver.ShutdownTimeout
	manager := *options.GracefulShutdownTimeout + *options.RenewDeadline // one after the other, and both beside the drain
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
			t.Fatalf("%s does not say how long the pod may take to end", manifest)
		}
		for what, takes := range map[string]time.Duration{"the drain": drain, "the manager": manager} {
			if granted := time.Duration(*seconds) * time.Second; takes+reserve > granted {
				t.Errorf("%s: %s may take %s to end, and %s are granted: want %s more", manifest, what, takes, granted, reserve)
			}
		}
	}
}
