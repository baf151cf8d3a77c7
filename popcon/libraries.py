"""In: names of loaded modules. Out: the libraries they belong to, with versions, by who installed the file.

A module belongs to the distribution whose RECORD lists its file: a name alone would credit all
owners of `google` with one of them. The answers come from the environment's index, one file to read
(`popcon index`); where no fresh one is, from `popcon.site_directory`, which is imported only then. A module
in no site directory is a person's own and has no library, unless it is installed editable.
"""

import os
import sys

from popcon.catalog import OTHER
from popcon.indexed import OWN, Indexed, index_file, parse_site, read_index, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Optional, Union

    from popcon.site_directory import SiteDirectory

    Site = Union["Indexed", SiteDirectory]

#: Where an interpreter's own site directories lie in its prefix.
_OWN_FOLDERS = ("lib", "Lib", "local/lib")
_SITE_FOLDERS = ("/site-packages/", "/dist-packages/")
_STANDARD_LIBRARY = os.path.dirname(getattr(os, "__file__", "")) + os.sep
_OURS = os.path.dirname(__file__) + os.sep
_OURSELVES = {"popcon"}
_MODULE = type(os)
#: No file has a longer path (Linux: PATH_MAX); what says so is no file's.
_MAX_PATH = 4096
_NAME = "abcdefghijklmnopqrstuvwxyz0123456789-"
_VERSION = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.!+_-"


class Libraries:
    """Names the libraries of modules; what was read of a site directory is kept until it changes.

    `roots` are the folders that the image is made of: by default this environment's and the
    interpreter's own. What is installed elsewhere, or below a person's home (`homes`), is a
    person's own and reads `_other`, unless the image has that library too, or `scope` is `all`:
    then all that is installed has a name. What `deny` matches, or `allow` doesn't where it has
    globs, reads `_other` in either.
    """

    def __init__(
        self,
        roots: "Optional[Iterable[str]]" = None,
        homes: "Optional[Iterable[str]]" = None,
        *,
        scope: str = "image",
        allow: "tuple[str, ...]" = (),
        deny: "tuple[str, ...]" = (),
    ) -> None:
        self._names_all = scope == "all"
        self._allow = allow
        self._deny = deny
        self._roots = None if roots is None else _folders(roots)
        if homes is None:
            homes = [
                os.path.expanduser("~"),
                getattr(sys.modules.get("site"), "USER_BASE", "") or "",
            ]
        self._homes = _folders(homes)
        self._base = ""
        self._images: "dict[str, bool]" = {}
        self._sites: "dict[str, Site]" = {}
        self._checked: "set[str]" = set()
        self._indexes: "dict[str, dict[str, list[str]]]" = {}
        self._public: "dict[tuple[str, str], tuple[str, str]]" = {}
        self._projects: "Optional[dict[str, str]]" = None

    def used_by(
        self, names: "Iterable[str]", modules: "Mapping[str, object]"
    ) -> "tuple[dict[str, str], set[str]]":
        """Return library → version for the named modules, and the names to ask for again later.

        A version is empty for `_other`, for own code, for a person's own copy of a library that the
        image has, unless all is named, and where it isn't known. A name waits while its import is
        running, and while its module is a lazy one that is not loaded (`importlib.util.LazyLoader`,
        PEP 810).

        The topmost of the named modules that has a file answers for all below it, where one library
        owns its folder. Namespaces and shared folders are followed down to where their owners part.
        """
        names = list(names)
        lazy = getattr(sys, "lazy_modules", ())  # a few names, where there are any
        waiting = (
            {name for name in names if name in lazy and name not in modules} if lazy else set()
        )
        lazy_type = getattr(modules.get("importlib.util"), "_LazyModule", None)
        self._checked.clear()
        self._indexes.clear()
        found: "dict[str, str]" = {}
        depth = 1
        while names:
            deeper: "list[str]" = []
            for head, members in _by_head(names, depth).items():
                module = modules.get(head)
                # A failed import leaves the submodules of what it takes away.
                if module is None or head in _OURSELVES:
                    continue
                try:
                    if is_loading(module, lazy_type):
                        waiting.update(members)
                    elif head not in members or not self._settle(module, found):
                        deeper += [name for name in members if name != head]
                except Exception:  # noqa: S112 - sys.modules holds whatever people put there
                    continue
            depth += 1
            names = deeper
        for site in self._sites.values():
            if not isinstance(site, Indexed):
                site.release()
        return found, waiting

    def public_name(self, base: str, library: str) -> str:
        """Return what is counted where a module of this library in this site directory is used."""
        return self._publish(base, library)[0]

    def _settle(self, module: object, found: "dict[str, str]") -> bool:
        """Enter the module's library, and return whether that answers for its submodules too."""
        facts = object.__getattribute__(module, "__dict__")
        path = facts.get("__file__")
        places = facts.get("__path__")
        if not isinstance(path, str) or len(path) > _MAX_PATH:
            # A namespace, a built-in, or an object in a module's place.
            return places is None and type(module) is _MODULE
        path = _slashed(path)
        base = self._base
        if base and path.startswith(base + "/"):  # most files lie in the same one
            relative = path[len(base) + 1 :]
        else:
            base, relative = split_site(path)
            self._base = base or self._base
        whole = True
        if base:
            library, whole = self._site(base).find(relative)
            if library is not None and library != "popcon":
                name, version = self._publish(base, library)
                if version or name not in found:
                    found[name] = version
        else:
            library = self._editable(path)
            if library is not None:
                name = library if self._names_all and self._may_name(library) else OTHER
                found.setdefault(name, "")
        # A namespace's path would look at the disk anew: only a list is asked.
        return places is None or (
            whole and type(places) is list and [path.rpartition("/")[0]] == places
        )

    def _site(self, base: str) -> "Site":
        """Return what is known of a site directory, read anew if it has changed since."""
        site = self._sites.get(base)
        if site is None or base not in self._checked:
            self._checked.add(base)
            state = state_of(base)
            if site is None or site.state != state:
                if site is not None:
                    self._public.clear()
                    self._projects = None
                site = self._indexed(base, state)
                if site is None:
                    from popcon.site_directory import SiteDirectory

                    site = SiteDirectory(base, state)
                self._sites[base] = site
        return site

    def _indexed(self, base: str, state: int) -> "Optional[Indexed]":
        for prefix in (_slashed(sys.prefix), _slashed(sys.base_prefix)):
            if base.startswith(prefix + "/"):
                if prefix not in self._indexes:
                    self._indexes[prefix] = read_index(index_file(prefix))
                blocks = self._indexes[prefix].get(base[len(prefix) + 1 :])
                site = blocks and parse_site(blocks, state)
                if site:
                    return site
        return None

    def _publish(self, base: str, library: str) -> "tuple[str, str]":
        """Return the library's name and version, or `_other` where the name is a person's own affair."""
        known = self._public.get((base, library))
        if known is None:
            site = self._site(base)
            version = site.version(library) or ""
            plain = "" if version.strip(_VERSION) else version
            if not self._may_name(library):
                known = OTHER, ""
            elif self._names_all:
                known = library, plain
            elif self._is_image(base):
                known = (OTHER, "") if version == OWN else (library, plain)
            else:
                image = [each for each in sites_on_path() if self._is_image(each)]
                has = any(self._site(each).version(library) is not None for each in image)
                known = library if has else OTHER, ""
            self._public[base, library] = known
        return known

    def _may_name(self, library: str) -> bool:
        if library.strip(_NAME):  # an index with rubbish in it
            return False
        if not self._allow and not self._deny:
            return True
        from popcon.globs import admits

        return admits(library, self._allow, self._deny)

    def _is_image(self, base: str) -> bool:
        if base not in self._images:
            self._images[base] = self._lies_in_image(base + "/")
        return self._images[base]

    def _lies_in_image(self, folder: str) -> bool:
        roots = self._image_roots()
        # The common case, an interpreter's own folders, costs no look at the disk.
        if folder.startswith(tuple([root + lib for root in roots for lib in _OWN_FOLDERS])):
            return not folder.startswith(_inside(roots, self._homes))
        roots = _with_real(roots)
        homes = _inside(roots, _with_real(self._homes))
        real = os.path.realpath(folder) + "/"
        return (folder.startswith(roots) or real.startswith(roots)) and not (
            folder.startswith(homes) or real.startswith(homes)
        )

    def _image_roots(self) -> "tuple[str, ...]":
        """Return the folders that the image is made of, with a slash behind.

        An environment that popcon is not installed in is a person's own, on top of the image's
        packages (`python -m venv --system-site-packages`).
        """
        if self._roots is None:
            inside = _slashed(sys.prefix) + "/"
            ours = (
                sys.prefix == sys.base_prefix
                or _slashed(_OURS).startswith(inside)
                or any(
                    self._site(base).version("popcon") is not None
                    for base in sites_on_path()
                    if base.startswith(inside)
                )
            )
            self._roots = _folders([sys.prefix, sys.base_prefix] if ours else [sys.base_prefix])
        return self._roots

    def _editable(self, path: str) -> "Optional[str]":
        """Return whose editable install a file outside every site directory is, or None."""
        if path.startswith((_STANDARD_LIBRARY, _OURS, "<")):
            return None
        if self._projects is None:
            self._projects = {
                folder: library
                for base in sites_on_path()
                for project, library in self._site(base).projects.items()
                for folder in _with_real(_folders([project]))
            }
        if not self._projects:
            return None
        folders = tuple(self._projects)
        if not path.startswith(folders):
            path = _slashed(os.path.realpath(path))
        inside = [folder for folder in folders if path.startswith(folder)]
        return self._projects[max(inside, key=len)] if inside else None


def _by_head(names: "list[str]", depth: int) -> "dict[str, list[str]]":
    """Return the first so many parts of names → the names that begin with them."""
    groups: "dict[str, list[str]]" = {}
    members: "list[str]" = []
    run = "."  # no name begins so
    for name in names:
        if not name.startswith(run):  # they come in runs of one package, as they were imported
            head = ".".join(name.split(".", depth)[:depth])
            members = groups.setdefault(head, [])
            run = head + "."
        members.append(name)
    return groups


def is_loading(module: object, lazy_type: object) -> bool:
    """Return whether a module's import is running, or is put off by a lazy loader.

    An attribute of a lazy module loads it; its own dictionary doesn't.
    """
    if type(module) is lazy_type:
        return True
    spec = object.__getattribute__(module, "__dict__").get("__spec__")
    return spec is not None and getattr(spec, "_initializing", False) is True


def is_standard(top: str) -> bool:
    """Return whether the standard library has a module or package of this name.

    Python 3.9 has no list of them: there none is known to be.
    """
    return top in getattr(sys, "stdlib_module_names", ())


def own_sources(names: "Iterable[str]", modules: "Mapping[str, object]") -> "list[str]":
    """Return the source files of those of the named modules that are the user's own code."""
    found: "dict[str, None]" = {}
    for name in names:
        path = file_of(modules.get(name)) or ""
        if (
            path.endswith(".py")
            and not path.startswith((_STANDARD_LIBRARY, _OURS, "<"))
            and not split_site(path)[0]
        ):
            found[path] = None
    return list(found)


def file_of(module: object) -> "Optional[str]":
    """Return the file that a loaded module came from, with slashes, or None."""
    try:  # only the module's own dictionary: asking an attribute of a lazy module loads it
        path = object.__getattribute__(module, "__dict__").get("__file__")
    except Exception:  # sys.modules holds whatever people put there
        return None
    return _slashed(path) if isinstance(path, str) else None


def split_site(path: str) -> "tuple[str, str]":
    """Return a file's site directory and its path below it; two empty texts if there is none.

    The outermost site directory counts: a copy that a library brings along is that library's.
    """
    quick = "-packages/" in path  # most of Python's own are told apart by this
    cuts = quick and [cut for cut in map(path.find, _SITE_FOLDERS) if cut >= 0]
    if not cuts:
        return "", ""
    end = min(cuts) + len(_SITE_FOLDERS[0])
    return path[: end - 1], path[end:]


def sites_on_path() -> "list[str]":
    """Return the site directories that this process imports from, in order."""
    entries = [entry for entry in list(sys.path) if type(entry) is str]
    bases = {split_site(_slashed(entry) + "/x")[0]: None for entry in entries}
    return [base for base in bases if base]


def _folders(paths: "Iterable[str]") -> "tuple[str, ...]":
    """Return the paths with a slash behind, each once; never the whole disk."""
    found = {_slashed(path).rstrip("/") + "/": None for path in paths}
    found.pop("/", None)
    return tuple(found)


def _with_real(folders: "tuple[str, ...]") -> "tuple[str, ...]":
    """Return the folders and what they are links to."""
    return _folders([*folders, *map(os.path.realpath, folders)])


def _inside(roots: "tuple[str, ...]", homes: "tuple[str, ...]") -> "tuple[str, ...]":
    """Return the homes inside the image: an environment below a home is still an image."""
    return tuple([home for home in homes if home.startswith(roots) and home not in roots])


def _slashed(path: str) -> str:
    return path if os.sep == "/" else path.replace(os.sep, "/")
