// Command trial installs a release from its files on a real API server, as users do: the manifests with kubectl, the chart with
// helm. No pod runs there.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

func main() {
	dist := flag.String("dist", "dist", "the folder of the release's files")
	chart := flag.String("chart", "", "the chart, as it was pulled")
	digest := flag.String("digest", "", "the image's digest, sha256:…")
	flag.Parse()
	if err := run(*dist, *chart, *digest); err != nil {
		fmt.Fprintf(os.Stderr, "trial: %v\n", err)
		os.Exit(1)
	}
}

// trial is a control plane, and the tools that a user has.
type trial struct {
	kubeconfig, digest string
}

// run installs each form after the other, and uninstalls it.
func run(dist, chart, digest string) (err error) {
	plane, err := controlplane.Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plane.Stop()) }()
	folder, err := os.MkdirTemp("", "tollkeeper-trial-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	kubeconfig, err := plane.Kubeconfig()
	if err != nil {
		return err
	}
	t := trial{kubeconfig: filepath.Join(folder, "kubeconfig"), digest: digest}
	if err := os.WriteFile(t.kubeconfig, kubeconfig, 0o600); err != nil {
		return err
	}
	for _, manifest := range []string{"install-combined.yaml", "install.yaml"} {
		if err := t.apply(filepath.Join(dist, manifest)); err != nil {
			return err
		}
	}
	if err := t.helm(chart); err != nil {
		return err
	}
	return t.plugin(folder, dist)
}

// apply applies a manifest. To apply it again would change nothing.
func (t *trial) apply(manifest string) error {
	fmt.Println("kubectl apply", manifest)
	if _, err := t.run("bin/k8s/kubectl", "apply", "--server-side", "-f", manifest); err != nil {
		return err
	}
	if err := t.namesTheImage("tollkeeper-system"); err != nil {
		return fmt.Errorf("%s: %w", manifest, err)
	}
	if out, err := t.run("bin/k8s/kubectl", "diff", "--server-side", "-f", manifest); err != nil {
		return fmt.Errorf("%s differs from what it has installed: %w\n%s", manifest, err, out)
	}
	return nil
}

// helm installs the chart beside, and uninstalls it.
func (t *trial) helm(chart string) error {
	fmt.Println("helm upgrade --install", chart)
	const namespace = "billing-trial"
	if _, err := t.run("bin/helm", "upgrade", "--install", "tollkeeper", chart, "--namespace="+namespace, "--create-namespace",
		"--take-ownership", "--force-conflicts"); err != nil {
		return err
	}
	if err := t.namesTheImage(namespace); err != nil {
		return err
	}
	_, err := t.run("bin/helm", "uninstall", "tollkeeper", "--namespace="+namespace)
	return err
}

// namesTheImage checks that every container has the image of the digest.
func (t *trial) namesTheImage(namespace string) error {
	out, err := t.run("bin/k8s/kubectl", "-n", namespace, "get", "deployments", "-o=jsonpath={.items[*].spec.template.spec.containers[*].image}")
	if err != nil {
		return err
	}
	images := strings.Fields(out)
	for _, image := range images {
		if !strings.HasSuffix(image, "@"+t.digest) {
			return fmt.Errorf("a container has the image %s, want the digest %s", image, t.digest)
		}
	}
	if len(images) == 0 {
		return errors.New("there is no Deployment")
	}
	return nil
}

// plugin unpacks the plugin for this machine as krew does, and asks it for its version.
func (t *trial) plugin(folder, dist string) error {
	archives, err := filepath.Glob(filepath.Join(dist, "*"+runtime.GOOS+"*"+runtime.GOARCH+"*.tar.gz"))
	if err != nil {
		return err
	}
	if len(archives) != 1 {
		return fmt.Errorf("the plugin's archives for this machine are %q, want one", archives)
	}
	if _, err := t.run("tar", "-xzf", archives[0], "-C", folder); err != nil {
		return err
	}
	out, err := t.run(filepath.Join(folder, "kubectl-tollkeeper"), "--version")
	if err == nil && !regexp.MustCompile(`v\d+\.\d+\.\d+`).MatchString(out) {
		err = fmt.Errorf("the plugin's version is %s", out)
	}
	return err
}

// run runs a program of bin or of the machine, and returns what it prints.
func (t *trial) run(program string, arguments ...string) (string, error) {
	if strings.HasPrefix(program, "bin/") {
		program = filepath.Join(controlplane.Root(), program)
	}
	command := exec.Command(program, arguments...)
	command.Env = append(os.Environ(), "KUBECONFIG="+t.kubeconfig)
	var problems strings.Builder
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", command, err, problems.String())
	}
	return string(out), err
}
