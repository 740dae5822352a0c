package doctor

import (
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/tollkeeper/tollkeeper/internal/config"
	values "github.com/tollkeeper/tollkeeper/internal/credentials"
)

// setTwiceError is the name of a variable with several sources, with which the operator does not start.
type setTwiceError string

func (e setTwiceError) Error() string { return string(e) + " is set more than once" }

// addFiles adds the credentials that the container reads from files to the environment: those of variables that name a file, and
// those in the folder, which may be empty. isWhole is false if not every file is in a Secret or a ConfigMap. The error is a
// setTwiceError if a variable has several sources.
func (s *source) addFiles(
	environment map[string]string, pod *corev1.PodSpec, container *corev1.Container, folder string,
) (isWhole bool, err error) {
	files, err := s.files(pod, container)
	if err != nil {
		return false, err
	}
	isWhole = folder == "" || isMounted(files, folder)
	for _, name := range config.CredentialNames {
		var texts []string
		add := func(text string) {
			if text = strings.TrimRight(text, "\r\n"); text != "" {
				texts = append(texts, text)
			}
		}
		add(environment[name])
		if file := environment[name+values.FileSuffix]; file != "" {
			text, isKnown := files[path.Clean(file)]
			isWhole = isWhole && isKnown
			add(text)
			delete(environment, name+values.FileSuffix)
		}
		if folder != "" {
			add(files[path.Join(folder, name)])
		}
		if len(texts) > 0 {
			environment[name] = texts[0]
		}
		if len(texts) > 1 {
			return false, setTwiceError(name)
		}
	}
	return isWhole, nil
}

func isMounted(files map[string]string, folder string) bool {
	for file := range files {
		if path.Dir(file) == path.Clean(folder) {
			return true
		}
	}
	return false
}

// files are the files that the container has from Secrets and ConfigMaps, by path.
func (s *source) files(pod *corev1.PodSpec, container *corev1.Container) (map[string]string, error) {
	found := map[string]string{}
	for _, mount := range container.VolumeMounts {
		for i := range pod.Volumes {
			if pod.Volumes[i].Name != mount.Name || mount.SubPath != "" {
				continue
			}
			for _, from := range projections(&pod.Volumes[i]) {
				if err := s.addProjection(found, mount.MountPath, from); err != nil {
					return nil, err
				}
			}
		}
	}
	return found, nil
}

// projections are the Secrets and ConfigMaps of a volume, in the form of a projected one.
func projections(volume *corev1.Volume) []corev1.VolumeProjection {
	switch {
	case volume.Projected != nil:
		return volume.Projected.Sources
	case volume.Secret != nil:
		return []corev1.VolumeProjection{{Secret: &corev1.SecretProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: volume.Secret.SecretName}, Items: volume.Secret.Items,
		}}}
	case volume.ConfigMap != nil:
		return []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{
			LocalObjectReference: volume.ConfigMap.LocalObjectReference, Items: volume.ConfigMap.Items,
		}}}
	default:
		return nil
	}
}

func (s *source) addProjection(found map[string]string, folder string, from corev1.VolumeProjection) error {
	texts, items := map[string]string{}, []corev1.KeyToPath(nil)
	switch {
	case from.Secret != nil:
		data, err := s.secret(from.Secret.Name)
		if err != nil {
			return err
		}
		for key, value := range data {
			texts[key] = string(value)
		}
		items = from.Secret.Items
	case from.ConfigMap != nil:
		data, err := s.configMap(from.ConfigMap.Name)
		if err != nil {
			return err
		}
		texts, items = data, from.ConfigMap.Items
	}
	if len(items) == 0 {
		for key, text := range texts {
			found[path.Join(folder, key)] = text
		}
	}
	for _, item := range items {
		if text, isThere := texts[item.Key]; isThere {
			found[path.Join(folder, item.Path)] = text
		}
	}
	return nil
}
