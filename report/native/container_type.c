/* container_type.c - the names of what containers consist of; see container.h. */
#include "container_private.h"

uint32_t container_add_type(struct snapshot_writer *w, struct typing *typing, enum container_kind kind)
{
	static const char *const name[CONTAINER_KINDS] = {
		[CONTAINER_TREE] = "std::_Rb_tree_node",
		[CONTAINER_LIST] = "std::_List_node",
		[CONTAINER_HASH] = "std::__detail::_Hash_node",
		[CONTAINER_BUCKETS] = "std::__detail::_Hash_node_base*",
		[CONTAINER_LLVM_TREE] = "std::__1::__tree_node",
		[CONTAINER_LLVM_LIST] = "std::__1::__list_node",
		[CONTAINER_LLVM_HASH] = "std::__1::__hash_node",
		[CONTAINER_LLVM_BUCKETS] = "std::__1::__hash_node_base*",
		[CONTAINER_TEXT] = "char",
	};
	return typing_add_class(typing, w, name[kind]);
}
