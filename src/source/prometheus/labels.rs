//! Which container a series is about: its labels, whether from cAdvisor beside Docker, or from a
//! kubelet.

use super::parse::Labels;
use crate::stack::naming;

/// What the labels say about a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The engine's id, where the cgroup path or the name tells it.
    pub container_id: Option<String>,
    /// What outlives a restart and nothing else: the id of a Docker container; in Kubernetes the
    /// pod's uid and the container's name, since a kubelet restarts by making it anew.
    pub unit: String,
    /// The key that the container has in results: compose service (`service-2` for replicas), the
    /// engine's name, or `namespace/pod/container`.
    pub key: String,
    /// The engine's name, or `namespace/pod/container`.
    pub engine_name: String,
    /// The compose service, where there is one.
    pub service: Option<String>,
    /// The image.
    pub image: Option<String>,
    /// Who scraped what: series of one container from several scrapes are the same figures twice.
    pub origin: String,
}

const COMPOSE_PREFIX: &str = "container_label_com_docker_compose_";

/// The container, or `None` for the root, slices, system services, and pods as a whole.
#[must_use]
pub fn identify(labels: &Labels) -> Option<Identity> {
    let path = text(labels, "id").unwrap_or_default();
    let container_id = id_in(path).or_else(|| id_in(text(labels, "name")?)).map(str::to_owned);
    let origin = origin(labels);
    let image = text(labels, "image").map(str::to_owned);
    for names in KUBERNETES {
        if let Some(pod) = text(labels, names.pod) {
            return of_pod(labels, names, pod, container_id, image, origin);
        }
    }
    let name = text(labels, "name");
    let service = text(labels, &format!("{COMPOSE_PREFIX}service")).map(str::to_owned);
    let short = || container_id.as_deref().and_then(|id| id.get(..12));
    let engine_name = name.or(service.as_deref()).or_else(short)?.to_owned();
    let key = match (name, &service) {
        (None, Some(service)) => service.clone(),
        _ => naming::key(&engine_name, &compose(labels, &engine_name)),
    };
    let unit = container_id
        .clone()
        .unwrap_or_else(|| if path.is_empty() { engine_name.clone() } else { path.to_owned() });
    Some(Identity { container_id, unit, key, engine_name, service, image, origin })
}

/// Names of the labels of a pod's container.
struct PodLabels {
    namespace: &'static str,
    pod: &'static str,
    container: &'static str,
}

const fn pod_labels(
    namespace: &'static str,
    pod: &'static str,
    container: &'static str,
) -> PodLabels {
    PodLabels { namespace, pod, container }
}

/// Where a scraped cAdvisor runs in a pod itself, that pod's labels take the plain names and push
/// the others aside (`exported_`). Kubelets before 1.16 wrote `pod_name`.
const KUBERNETES: &[PodLabels] = &[
    pod_labels("exported_namespace", "exported_pod", "exported_container"),
    pod_labels("namespace", "pod", "container"),
    pod_labels("namespace", "pod_name", "container_name"),
    pod_labels(
        "container_label_io_kubernetes_pod_namespace",
        "container_label_io_kubernetes_pod_name",
        "container_label_io_kubernetes_container_name",
    ),
];

/// A pod's own series (no container name) and its sandbox are no containers.
fn of_pod(
    labels: &Labels,
    names: &PodLabels,
    pod: &str,
    container_id: Option<String>,
    image: Option<String>,
    origin: String,
) -> Option<Identity> {
    let container = text(labels, names.container).filter(|name| *name != "POD")?;
    let namespace = text(labels, names.namespace).unwrap_or("default");
    let key = format!("{namespace}/{pod}/{container}");
    let unit = match text(labels, "id").and_then(pod_uid) {
        Some(uid) => format!("{uid}/{container}"),
        None => key.clone(),
    };
    let engine_name = key.clone();
    Some(Identity { container_id, unit, key, engine_name, service: None, image, origin })
}

/// Compose's labels under their own names. Number and project may not have been let through by
/// cAdvisor (`--whitelisted_container_labels`): the names that compose chooses hold them.
fn compose(labels: &Labels, engine_name: &str) -> naming::Labels {
    let own = |end: &str| text(labels, &format!("{COMPOSE_PREFIX}{end}")).map(str::to_owned);
    let mut compose = naming::Labels::new();
    let service = own("service");
    let number = own("container_number").or_else(|| {
        let number = engine_name.rsplit(['-', '_']).next()?;
        number.parse::<u32>().ok().map(|n| n.to_string())
    });
    let project = own("project").or_else(|| {
        let (service, number) = (service.as_ref()?, number.as_ref()?);
        let chosen = |sep: char| engine_name.strip_suffix(&format!("{sep}{service}{sep}{number}"));
        ['-', '_'].into_iter().find_map(chosen).map(str::to_owned)
    });
    let all = [
        (naming::COMPOSE_PROJECT, project),
        (naming::COMPOSE_SERVICE, service),
        (naming::COMPOSE_NUMBER, number),
    ];
    for (label, value) in all {
        if let Some(value) = value {
            compose.insert(label.to_owned(), value);
        }
    }
    compose
}

/// Labels by which series of the same container differ when it is scraped more than once.
const SCRAPE: [&str; 6] =
    ["job", "instance", "cluster", "prometheus", "prometheus_replica", "replica"];

fn origin(labels: &Labels) -> String {
    let values: Vec<&str> = SCRAPE.iter().map(|l| text(labels, l).unwrap_or_default()).collect();
    values.join("|")
}

/// A label that is there and says something.
fn text<'a>(labels: &'a Labels, name: &str) -> Option<&'a str> {
    labels.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// The container id in a cgroup path, whatever driver and runtime put around it:
/// `/docker/ID`, `/system.slice/docker-ID.scope`, `.../cri-containerd-ID.scope`, `/kubepods/.../ID`.
pub(super) fn id_in(path: &str) -> Option<&str> {
    const ID_LENGTH: usize = 64;
    let last = path.rsplit('/').next()?;
    last.split(['-', '.', ':', '_'])
        .find(|part| part.len() == ID_LENGTH && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The pod's uid in a cgroup path: `/kubepods/burstable/podUID/ID`, or with the systemd driver
/// `kubepods-burstable-podUID.slice`.
fn pod_uid(path: &str) -> Option<&str> {
    path.split('/').find_map(|part| {
        let part = part.strip_suffix(".slice").unwrap_or(part);
        let uid = match part.rsplit_once("-pod") {
            Some((_, uid)) => uid,
            None => part.strip_prefix("pod")?,
        };
        let hex = |c: char| c.is_ascii_hexdigit() || c == '-' || c == '_';
        (uid.len() >= 32 && uid.chars().all(hex)).then_some(uid)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "2bc330ff3e679ccc44ecf38ebe47d3057b49844edc7dad81c22d58fdeff41f61";

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn key(pairs: &[(&str, &str)]) -> Option<String> {
        identify(&labels(pairs)).map(|identity| identity.key)
    }

    #[test]
    fn a_container_of_compose_has_the_key_that_a_run_gives_it() {
        let service = "container_label_com_docker_compose_service";
        let project = "container_label_com_docker_compose_project";
        let path = format!("/system.slice/docker-{ID}.scope");
        let of = |name: &str| {
            key(&[("id", &path), ("name", name), (service, "leaky"), (project, "demo")])
        };
        assert_eq!(of("demo-leaky-1").as_deref(), Some("leaky"));
        assert_eq!(of("demo_leaky_2").as_deref(), Some("leaky-2"));
        assert_eq!(of("my-own-name").as_deref(), Some("my-own-name"));
        assert_eq!(key(&[("id", &path), (service, "leaky")]).as_deref(), Some("leaky"));
        let alone = key(&[("id", &path), ("name", "demo-leaky-1"), (service, "leaky")]);
        assert_eq!(alone.as_deref(), Some("leaky"));
        let short = key(&[("id", &path), (service, "")]);
        assert_eq!(short.as_deref(), Some("2bc330ff3e67"));
    }

    #[test]
    fn what_is_no_container_is_left_out() {
        for id in ["/", "/system.slice", "/system.slice/ssh.service", "/docker", ""] {
            assert_eq!(key(&[("id", id), ("name", "")]), None, "{id}");
        }
        let pod = [("namespace", "shop"), ("pod", "web-0")];
        assert_eq!(key(&pod), None);
        assert_eq!(key(&[&pod[..], &[("container", "POD")]].concat()), None);
    }

    #[test]
    fn a_container_of_a_pod_is_named_by_namespace_pod_and_container() {
        let id = format!(
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_4e5f_6789_abcd_\
             ef0123456789.slice/cri-containerd-{ID}.scope"
        );
        let all = labels(&[
            ("id", &id),
            ("name", ID),
            ("namespace", "shop"),
            ("pod", "web-0"),
            ("container", "app"),
        ]);
        let identity = identify(&all).expect("a container");
        assert_eq!(identity.key, "shop/web-0/app");
        assert_eq!(identity.container_id.as_deref(), Some(ID));
        assert_eq!(identity.unit, "0a1b2c3d_4e5f_6789_abcd_ef0123456789/app");
        // Labels of the scraped pod itself took the plain names.
        let exported = [
            ("exported_namespace", "shop"),
            ("exported_pod", "web-0"),
            ("exported_container", "app"),
            ("namespace", "monitoring"),
            ("pod", "cadvisor-x"),
            ("container", "cadvisor"),
        ];
        assert_eq!(key(&exported).as_deref(), Some("shop/web-0/app"));
        assert_eq!(
            key(&[("pod_name", "p"), ("container_name", "c")]).as_deref(),
            Some("default/p/c")
        );
    }
}
