package chart

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The examples in docs/archive.md install the same with Helm and with kustomize: the controllers have the volume or the credentials, and
// the way to the bucket. The receiver has none of that, and no further way out. They differ in how the flag is set.
func TestTheExamplesOfAnArchive(t *testing.T) {
	for example, url := range map[string]string{
		"azure":  "azblob://billing-archive",
		"folder": "file:///var/lib/archive",
		"bucket": "s3://billing-archive?endpoint=http://minio.minio.svc:9000&region=us-east-1&use_path_style=true",
	} {
		folder := filepath.Join("examples", "archive", example)
		want := kustomize(t, folder)
		got := release(t, "tollkeeper", "tollkeeper-system", "--values="+filepath.Join(folder, "values.yaml"), "--set=image.tag=latest")
		env := want.container(t, "tollkeeper-controller-manager")["env"].([]any)
		if variable := map[string]any{"name": "TOLLKEEPER_ARCHIVE_URL", "value": url}; !slices.ContainsFunc(env, func(v any) bool { return cmp.Equal(v, variable) }) {
			t.Errorf("%s: kustomize does not set the URL", example)
		}
		for _, component := range []string{"controller-manager", "receiver"} {
			for _, kind := range []string{"Deployment", "NetworkPolicy", "ServiceAccount"} {
				key := kind + " tollkeeper-" + component
				normalize(want[key])
				normalize(got[key])
				if kind == "Deployment" {
					withoutURL(t, want, "tollkeeper-"+component, "env")
					withoutURL(t, got, "tollkeeper-"+component, "args")
				}
				if diff := cmp.Diff(want[key].Object, got[key].Object); diff != "" {
					t.Errorf("%s: %s (-kustomize +Helm):\n%s", example, key, diff)
				}
			}
		}
	}
}

// withoutURL takes the archive's URL out of the arguments or variables of a Deployment, and sorts what is left by name: the order of
// neither matters.
func withoutURL(t *testing.T, o objects, deployment, field string) {
	t.Helper()
	pod := o["Deployment "+deployment].Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	container := pod["containers"].([]any)[0].(map[string]any)
	container[field] = slices.DeleteFunc(container[field].([]any), func(v any) bool {
		if variable, isVariable := v.(map[string]any); isVariable {
			return variable["name"] == "TOLLKEEPER_ARCHIVE_URL"
		}
		return strings.HasPrefix(v.(string), "--archive-url=")
	})
	for _, list := range []any{container["env"], container["volumeMounts"], pod["volumes"]} {
		slices.SortFunc(list.([]any), func(a, b any) int {
			return strings.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
		})
	}
}
