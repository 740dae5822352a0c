// Package nodes runs what needs nodes: Deployments become ready, rollouts, evictions, and the first hour of docs/install.md.
//
// The API server, the controller manager and the scheduler are Kubernetes' own. kwok stands for the nodes: it reports every pod
// as running and ready, and starts no container. So nothing here shows that a container starts, that a probe works, or that
// packets arrive. Where events flow, the manager runs beside the cluster, with the rights of the pods' accounts.
package nodes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tollkeeper/tollkeeper/internal/logging"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

// cluster is shared by all tests, which run one after the other.
var cluster *withNodes

// withNodes is a control plane with its controllers, a scheduler and two nodes.
type withNodes struct {
	*controlplane.ControlPlane
	folder, kubeconfig string
	processes          []*exec.Cmd
}

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	logging.Install(logging.New(os.Stderr, logging.Options{Level: logging.Error}))
	var err error
	if cluster, err = start(); err == nil {
		err = cluster.addNodes("node-a", "node-b")
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	if cluster != nil {
		if err := cluster.stop(code != 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// start starts the control plane and, beside it, what `make test-nodes` builds.
func start() (*withNodes, error) {
	plane, err := controlplane.Start()
	if err != nil {
		return nil, err
	}
	c := &withNodes{ControlPlane: plane}
	if c.folder, err = os.MkdirTemp("", "tollkeeper-nodes-"); err != nil {
		return c, err
	}
	kubeconfig, err := plane.Kubeconfig()
	if err != nil {
		return c, err
	}
	c.kubeconfig = filepath.Join(c.folder, "kubeconfig")
	if err := os.WriteFile(c.kubeconfig, kubeconfig, 0o600); err != nil {
		return c, err
	}
	stages, err := stages()
	if err != nil {
		return c, err
	}
	for program, arguments := range map[string][]string{
		"nodes/kube-controller-manager": {
			"--leader-elect=false", "--secure-port=0", "--authentication-skip-lookup",
			"--controllers=deployment-controller,replicaset-controller,disruption-controller,garbage-collector-controller," +
				"namespace-controller,node-lifecycle-controller,endpointslice-controller,serviceaccount-controller",
		},
		"nodes/kube-scheduler": {"--leader-elect=false", "--secure-port=0", "--authentication-skip-lookup"},
		"kwok":                 {"--manage-all-nodes", "-v=WARN", "--node-lease-duration-seconds=40", "--config=" + strings.Join(stages, ",")},
	} {
		if err := c.run(program, append(arguments, "--kubeconfig="+c.kubeconfig)); err != nil {
			return c, err
		}
	}
	return c, nil
}

// stages are kwok's own descriptions of what becomes of nodes and pods.
func stages() ([]string, error) {
	list := exec.Command("go", "list", "-m", "-f={{.Dir}}", "sigs.k8s.io/kwok")
	list.Dir = filepath.Join(controlplane.Root(), "hack", "tools", "kwok")
	folder, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("find kwok's module: %w", err)
	}
	var files []string
	for _, pattern := range []string{"node/fast/*.yaml", "node/heartbeat-with-lease/*.yaml", "pod/fast/*.yaml"} {
		found, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(folder)), "kustomize", "stage", pattern))
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			if filepath.Base(file) != "kustomization.yaml" {
				files = append(files, file)
			}
		}
	}
	return files, nil
}

// run starts a program of bin, with its log in the cluster's folder.
func (c *withNodes) run(program string, arguments []string) error {
	binary := filepath.Join(controlplane.Root(), "bin", program)
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("run `make test-nodes`: %w", err)
	}
	log, err := os.Create(filepath.Join(c.folder, filepath.Base(program)+".log"))
	if err != nil {
		return err
	}
	command := exec.Command(binary, arguments...)
	command.Stdout, command.Stderr = log, log
	c.processes = append(c.processes, command)
	return command.Start()
}

// addNodes makes nodes, and waits until kwok reports them as ready, and the controller manager admits pods.
func (c *withNodes) addNodes(names ...string) error {
	capacity := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("4"), corev1.ResourceMemory: resource.MustParse("8Gi"), corev1.ResourcePods: resource.MustParse("110"),
	}
	for _, name := range names {
		node := &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}},
			Status:     corev1.NodeStatus{Allocatable: capacity, Capacity: capacity},
		}
		if err := c.Client.Create(context.Background(), node); err != nil {
			return err
		}
	}
	return wait.PollUntilContextTimeout(context.Background(), time.Second/10, patience, true, func(ctx context.Context) (bool, error) {
		var nodes corev1.NodeList
		if err := c.Client.List(ctx, &nodes); err != nil {
			return false, nil //nolint:nilerr // asked again
		}
		ready := 0
		for _, node := range nodes.Items {
			for _, condition := range node.Status.Conditions {
				if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue && len(node.Spec.Taints) == 0 {
					ready++
				}
			}
		}
		return ready == len(names), nil
	})
}

// stop stops everything, and shows the ends of the logs if a test has failed.
func (c *withNodes) stop(show bool) error {
	for _, process := range c.processes {
		if process.Process == nil {
			continue
		}
		_ = process.Process.Kill()
		_ = process.Wait()
		if log, err := os.ReadFile(filepath.Join(c.folder, filepath.Base(process.Path)+".log")); err == nil && show {
			lines := strings.Split(string(log), "\n")
			fmt.Fprintf(os.Stderr, "The end of the log of %s:\n%s\n", process.Path, strings.Join(lines[max(0, len(lines)-20):], "\n"))
		}
	}
	_ = os.RemoveAll(c.folder)
	return c.Stop()
}

// shell runs commands of the documentation with the tools of bin, and returns what they print. stdin is what they read. EXTRA_PATH in
// the environment is a folder with more tools.
func shell(ctx context.Context, commands, stdin string, environment ...string) (string, error) {
	home, bin := filepath.Join(cluster.folder, "helm"), filepath.Join(controlplane.Root(), "bin")
	bash := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", `PATH="${EXTRA_PATH:+$EXTRA_PATH:}$PATH"`+"\n"+commands)
	bash.Dir, bash.Stdin = controlplane.Root(), strings.NewReader(stdin)
	bash.Env = append(os.Environ(), "PATH="+filepath.Join(bin, "k8s")+":"+bin+":"+os.Getenv("PATH"), "KUBECONFIG="+cluster.kubeconfig,
		"HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	bash.Env = append(bash.Env, environment...)
	bash.WaitDelay = patience // what the commands leave running may hold the output
	out, err := bash.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", commands, err, out)
	}
	return string(out), err
}

// must is shell of commands that may not fail.
func must(t *testing.T, commands, stdin string) string {
	t.Helper()
	out, err := shell(t.Context(), commands, stdin)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
