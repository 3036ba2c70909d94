//! Wrappers for those functions of the `mpi.h` in use that nobody has written one for: each notes the name of its
//! function in the record, and calls it.
//!
//! They are weak: where `calls.c` has a function, that one counts.

use std::fmt::Write;

/// Functions that only look something up, or change what this rank alone has: who calls them has neither sent nor
/// received anything, nor begun to. Names are without `MPI_`.
const LOCAL: &[&str] = &[
    "Address",
    "Aint_add",
    "Aint_diff",
    "Alloc_mem",
    "Buffer_attach",
    "Buffer_attach_c",
    "Cart_coords",
    "Cart_get",
    "Cart_map",
    "Cart_rank",
    "Cart_shift",
    "Cartdim_get",
    "Comm_compare",
    "Comm_group",
    "Comm_rank",
    "Comm_remote_group",
    "Comm_remote_size",
    "Comm_size",
    "Comm_test_inter",
    "Dims_create",
    "Dist_graph_neighbors",
    "Dist_graph_neighbors_count",
    "Finalized",
    "Free_mem",
    "Get_address",
    "Get_count",
    "Get_count_c",
    "Get_elements",
    "Get_elements_c",
    "Get_elements_x",
    "Get_library_version",
    "Get_processor_name",
    "Get_version",
    "Graph_get",
    "Graph_map",
    "Graph_neighbors",
    "Graph_neighbors_count",
    "Graphdims_get",
    "Initialized",
    "Is_thread_main",
    "Pcontrol",
    "Query_thread",
    "Reduce_local",
    "Reduce_local_c",
    "Test_cancelled",
    "Topo_test",
    "Wtick",
    "Wtime",
];

/// Families of such functions, by how their names begin.
const LOCAL_FAMILIES: &[&str] = &[
    "Add_error_",
    "Attr_",
    "Delete_error_",
    "Errhandler_",
    "Error_",
    "GPU_",
    "Group_",
    "Info_",
    "Keyval_",
    "Op_",
    "Pack",
    "Query_",
    "Remove_error_",
    "Status_",
    "T_",
    "Type_",
    "Unpack",
];

/// What every kind of handle has, by what is in the name: a number for Fortran, names, attributes, hints, what happens
/// on an error.
const OF_HANDLES: &[&str] = &[
    "_attr",
    "_c2f",
    "_errhandler",
    "_get_",
    "_keyval",
    "_set_info",
    "_set_name",
];

/// What stands last where a parameter has no name, besides the types of MPI.
const TYPES: &[&str] = &[
    "char", "double", "float", "int", "long", "short", "unsigned", "void",
];

/// The wrappers, in C, for what a preprocessed `mpi.h` declares.
pub(super) fn wrappers(header: &str) -> String {
    // They are many, and each is called seldom if ever: what counts is how soon they are built.
    let mut text = String::from("#pragma GCC optimize(\"O0\")\n#include \"handles.h\"\n");
    for Function { name, parameters } in functions(header) {
        let declared: Vec<String> = parameters.iter().map(|it| it.declared.clone()).collect();
        let names: Vec<&str> = parameters.iter().map(|it| it.name.as_str()).collect();
        let declared = match declared.join(", ") {
            none if none.is_empty() => "void".into(),
            some => some,
        };
        // Its name may be a macro's as well, and some libraries declare what they do not have.
        writeln!(
            text,
            "#pragma weak P{name}\nNOT_FOLLOWED({name}, ({declared}), ({}))",
            names.join(", ")
        )
        .expect("a string takes all");
    }
    text
}

/// A function that is declared.
struct Function<'a> {
    name: &'a str,
    parameters: Vec<Parameter>,
}

/// A parameter of it.
struct Parameter {
    /// Its type and its name, as C has them.
    declared: String,
    name: String,
}

/// The functions of a header that return a status, but for local ones and those with any number of arguments.
fn functions(header: &str) -> Vec<Function<'_>> {
    let mut found: Vec<Function<'_>> = Vec::new();
    for statement in header.split([';', '{', '}']) {
        let Some((name, parameters)) = declaration(statement) else {
            continue;
        };
        let is_new = found.iter().all(|other| other.name != name);
        if is_new
            && !is_local(name)
            && let Some(parameters) = self::parameters(parameters)
        {
            found.push(Function { name, parameters });
        }
    }
    found
}

/// Whether a function, such as `MPI_Comm_rank`, neither sends nor receives anything, nor begins to.
pub fn is_local(name: &str) -> bool {
    let short = name.trim_start_matches("MPIX_").trim_start_matches("MPI_");
    LOCAL.contains(&short)
        || LOCAL_FAMILIES.iter().any(|begin| short.starts_with(begin))
        || OF_HANDLES.iter().any(|part| short.contains(part))
}

/// The name of a function of MPI and its parameters, if this declares one that returns an `int`.
fn declaration(statement: &str) -> Option<(&str, &str)> {
    let places = statement.match_indices("MPI");
    for (at, _) in places {
        let (before, rest) = statement.split_at(at);
        let length = rest.find(|it| !is_of_name(it))?;
        let (name, rest) = rest.split_at(length);
        let begins = !before.ends_with(is_of_name);
        let Some(rest) = rest.trim_start().strip_prefix('(') else {
            continue;
        };
        if begins && ["MPI_", "MPIX_"].iter().any(|it| name.starts_with(it)) {
            let returned = without_attributes(before);
            let mut words = returned.split_whitespace().filter(|it| *it != "extern");
            let is_status = words.next() == Some("int") && words.next().is_none();
            return is_status.then_some((name, &rest[..closing(rest)?]));
        }
    }
    None
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// Where the bracket is that closes what has been opened before this text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The text without the lines that say where the next one is from, and without `__attribute__((...))`.
fn without_attributes(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let mut text = lines.collect::<Vec<_>>().join(" ");
    while let Some(at) = text.find("__attribute__") {
        let rest = &text[at..];
        let end = rest
            .find('(')
            .and_then(|open| Some(open + 1 + closing(&rest[open + 1..])?));
        let end = end.map_or(text.len(), |end| at + end + 1);
        text.replace_range(at..end, " ");
    }
    text
}

/// The parameters of a function. `None` if it takes any number of them.
fn parameters(list: &str) -> Option<Vec<Parameter>> {
    let list = without_attributes(list);
    let mut depth = 0;
    let parts = list.split(|letter| {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    });
    let parts: Vec<&str> = parts.map(str::trim).collect();
    if matches!(*parts, [] | [""] | ["void"]) {
        return Some(Vec::new());
    }
    let mut parameters = Vec::new();
    for (place, part) in parts.into_iter().enumerate() {
        if part == "..." {
            return None;
        }
        // A pointer to a function has its name in brackets: (*name)(int).
        let (from, brackets) = match part.find("(*") {
            Some(at) => (
                at + 2,
                part[at..].find(')').map_or(part.len(), |end| at + end),
            ),
            None => (0, part.find('[').unwrap_or(part.len())),
        };
        let named = part[from..brackets].trim_end();
        let begin = named.rfind(|it| !is_of_name(it)).map_or(0, |at| at + 1);
        let name = &named[begin..];
        let is_type = TYPES.contains(&name) || name.starts_with("MPI_");
        parameters.push(if !name.is_empty() && !is_type {
            Parameter {
                declared: part.into(),
                name: name.into(),
            }
        } else {
            let name = format!("argument{place}");
            let (before, after) = part.split_at(brackets);
            Parameter {
                declared: format!("{before} {name}{after}"),
                name,
            }
        });
    }
    Some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_that_nobody_follows_has_a_wrapper_with_its_own_parameters() {
        let header = "
# 1 \"/usr/include/mpi.h\" 1 3
typedef int MPI_Comm;
typedef int (MPI_Copy_function)(MPI_Comm, int, void *, int *);
struct status { int MPI_SOURCE; };
__attribute__((visibility(\"default\"))) int MPI_Ibsend(const void *buf, int count,
    MPI_Comm comm, MPI_Request *request) __attribute__((__deprecated__(\"in; words\")));
int PMPI_Ibsend(const void *buf, int count, MPI_Comm comm, MPI_Request *request);
int QMPI_Ibsend(QMPI_Context context);
extern int MPI_Nothing(void);
int MPIX_Ranges(int n, int ranges[][3], char ***argv[], int (*after)(MPI_Comm, int));
int MPI_Nameless(MPI_Comm, int *, const int []);
int MPI_Pcontrol(const int level, ...);
double MPI_Wtime(void);
MPI_Comm MPI_Comm_f2c(int);
int MPI_Comm_size(MPI_Comm comm, int *size);
int MPI_Win_set_name(MPI_Win win, const char *name);
int MPI_Type_commit(MPI_Datatype *type);
int MPI_T_finalize(void);
";
        let lines = [
            "NOT_FOLLOWED(MPI_Ibsend, (const void *buf, int count, MPI_Comm comm, MPI_Request *request), \
             (buf, count, comm, request))",
            "NOT_FOLLOWED(MPI_Nothing, (void), ())",
            "NOT_FOLLOWED(MPIX_Ranges, (int n, int ranges[][3], char ***argv[], int (*after)(MPI_Comm, int)), \
             (n, ranges, argv, after))",
            "NOT_FOLLOWED(MPI_Nameless, (MPI_Comm argument0, int * argument1, const int argument2[]), \
             (argument0, argument1, argument2))",
        ];
        let text = wrappers(header);
        let found: Vec<String> = (text.lines())
            .filter(|line| line.starts_with("NOT"))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(found, lines);
        assert!(text.contains("#pragma weak PMPI_Ibsend\n"));
    }
}
