"""The demo project: a generated loess landscape with old landslides whose outlines are known.

`project.make_project` writes it. The other modules are its stages, in this order: `terrain` (hills and gullies),
`sites` and `landslides`, `settlement` over `roads`, `ground` with `terraces` (what lies where, pixel by pixel),
`plants`, `painting` (the image). Nothing here reads a file or knows the workspace; everything is drawn from one seed.
"""
